#!/bin/sh
# layers.sh ROOT: who may include whom. Prints every include that breaks a rule and fails if there is one.
#
#   runtime/base        nothing of reelyard but itself
#   runtime/json        runtime/base
#   proto               runtime/base
#   runtime/*           runtime, proto; never actors
#   actors/<role>       runtime (not advice, bus, cli, import), proto, itself; never another actor
#   actors/registry.*, actors/main.c   everything
#   nothing             tests
# and each world behind one door: a library's headers only where it belongs.
set -eu
cd "$1"
bad=0
refuse() {
    printf '%s\n' "$1" >&2
    bad=1
}

# Each line: file:include-path
includes=$(grep -rnoE --include='*.c' --include='*.h' --include='*.def' '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^">]+' \
    actors proto runtime | sed -E 's/^([^:]+):([0-9]+):.*[<"]/\1:\2 /')

# rule REGEX-OF-FILES REGEX-OF-INCLUDES TEXT: files that match may not include what matches.
rule() {
    hits=$(printf '%s\n' "$includes" | awk -v f="$1" -v i="$2" '$1 ~ f && $2 ~ i')
    [ -z "$hits" ] || refuse "$3:
$hits"
}
# door REGEX-OF-INCLUDES REGEX-OF-FILES TEXT: only files that match may include it.
door() {
    hits=$(printf '%s\n' "$includes" | awk -v i="$1" -v f="$2" '$2 ~ i && $1 !~ f')
    [ -z "$hits" ] || refuse "$3:
$hits"
}

rule '.' '^tests/' 'nothing sees tests'
rule '^(proto|runtime)/' '^actors/' 'proto and runtime know no actor'
rule '^runtime/base/' '^(proto/|runtime/(actor|bus|config|json|stats|queue|net|cli|process|supervisor)/)' 'runtime/base stands alone'
rule '^proto/' '^runtime/(actor|bus|config|json|stats|queue|net|cli)/' 'proto stands on runtime/base alone'
rule '^runtime/json/' '^(proto/|runtime/(actor|bus|config|stats|queue|net|cli|process|supervisor|sandbox)/)' 'runtime/json stands on runtime/base'
rule '^runtime/(config|stats|net)/' '^(proto|runtime/(actor|bus|queue|cli))/' 'config, stats and net stand on runtime/base'
rule '^runtime/(actor|queue)/' '^runtime/(bus|cli|net)/' 'actor and queue know no bus'
rule '^runtime/process/' '^(proto/|runtime/(actor|bus|config|json|stats|queue|net|cli|supervisor|sandbox|import|advice)/)' 'runtime/process stands on runtime/base'
rule '^runtime/supervisor/' '^(proto/(message|codec|envelope|frame|descriptor)|runtime/(actor|bus|queue|net|cli)/)' 'the supervisor stands on process, config and base'
rule '^runtime/bus/' '^runtime/(cli|net|queue|sandbox|supervisor)/' 'the bus knows no queue, net, sandbox, supervisor or command'
rule '^runtime/import/' '^runtime/(bus|cli|net|sandbox|supervisor|advice)/' 'import stands on the queue, actor and below'
rule '^runtime/advice/' '^runtime/(actor|bus|cli|config|import|json|net|sandbox|queue|supervisor)/' 'advice stands on proto, stats and base'
rule '^runtime/(actor|bus|config|json|net|process|sandbox|stats|queue|supervisor)/' '^runtime/(advice|import)/' 'only commands use advice and import'
rule '^runtime/video/' '^(proto/|runtime/(actor|advice|bus|cli|config|import|json|net|process|sandbox|stats|queue|supervisor)/)' 'runtime/video stands on runtime/base'
rule '^runtime/sandbox/' '^(proto/|runtime/(actor|bus|cli|config|net|stats|queue|supervisor)/)' 'the sandbox stands on process and base'
rule '^actors/[a-z]+/' '^runtime/(advice|bus|cli|import|sandbox)/' 'an actor knows no bus, no sandbox and no command'
for role in ingester scanner writer downloader encoder storage scheduler relay monitor; do
    hits=$(printf '%s\n' "$includes" | awk -v own="^actors/$role/" '$1 ~ own && $2 ~ /^actors\// && $2 !~ own')
    [ -z "$hits" ] || refuse "an actor includes no other actor:
$hits"
done

door '^(czmq|zmq)[._]' '^runtime/bus/' 'ZeroMQ and czmq only in runtime/bus'
door '^msgpack' '^proto/' 'msgpack only in proto'
door '^sqlite3' '^(actors/writer|runtime/queue)/' 'SQLite only in actors/writer and runtime/queue'
door '^(libpq|postgres)' '^actors/writer/' 'libpq only in actors/writer'
door '^hiredis' '^runtime/queue/' 'hiredis only in runtime/queue'
door '^sodium' '^runtime/queue/' 'libsodium only in runtime/queue'
door '^(md[245]|sha|sha1|sha2|sha256|sha512|ripemd|rmd160)\.h$' '^runtime/base/' 'libmd only in runtime/base'
door '^curl/' '^runtime/net/' 'libcurl only in runtime/net'
door '^(libav|libsw)' '^(actors/encoder|runtime/video)/' 'FFmpeg only in actors/encoder and runtime/video'
door '^webp' '^actors/encoder/' 'WebP only in actors/encoder'
door '^microhttpd' '^actors/monitor/' 'libmicrohttpd only in actors/monitor'
door '^seccomp' '^runtime/sandbox/' 'libseccomp only in runtime/sandbox'
door '^uniname' '^actors/scanner/' 'libunistring only in actors/scanner'
door '(^|/)yyjson' '^runtime/json/' 'yyjson only in runtime/json'
door '^json-c/' '^$' 'JSON is read and written by runtime/json'
door '^pcre2' '^actors/scanner/' 'PCRE2 only in actors/scanner'
exit $bad
