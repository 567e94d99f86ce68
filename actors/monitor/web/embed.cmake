# embed.cmake: turns the files of the page into C tables (actors/monitor/web.h), so that the program carries its page.
#
#   cmake -DOUTPUT=build/generated/monitor_web.c "-DFILES=web/app.js|web/card.html|..." -P embed.cmake
#
# An HTML file is a template; its indentation is left out. Every other file is served as an asset, plain or compressed by gzip, under
# a URL with a digest of all assets: a change of any gives all of them new URLs, and what a browser holds is always of one version.
# Scripts name each other relative to themselves, so nothing in a file needs to be rewritten.
string(REPLACE "|" ";" FILES "${FILES}")
find_program(GZIP gzip REQUIRED)
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")

# bytes VARIABLE HEX: as the elements of a C array, with a 0 behind them that does not count.
function(bytes variable hex)
  string(REGEX REPLACE "(..)" "0x\\1," elements "${hex}")
  string(REGEX REPLACE "((0x..,){20})" "\\1\n    " elements "${elements}")
  set(${variable} "{\n    ${elements}0}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(assets "")
set(templates "")
set(all "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  get_filename_component(stem ${file} NAME_WE)
  get_filename_component(kind ${file} LAST_EXT)
  string(SUBSTRING ${kind} 1 -1 kind)
  string(MAKE_C_IDENTIFIER ${name} id)
  if(kind STREQUAL "html")
    file(READ ${file} text)
    string(REGEX REPLACE "\n +" "\n" text "${text}")
    string(HEX "${text}" hex)
    bytes(array "${hex}")
    string(APPEND arrays "static const unsigned char ${id}[] = ${array};\n")
    string(APPEND templates "    {\"${stem}\", {(const char *)${id}, sizeof ${id} - 1}},\n")
  elseif(DEFINED types_${kind})
    file(READ ${file} hex HEX)
    bytes(array "${hex}")
    execute_process(COMMAND ${GZIP} -9nc ${file} OUTPUT_FILE ${OUTPUT}.gz COMMAND_ERROR_IS_FATAL ANY)
    file(READ ${OUTPUT}.gz zipped HEX)
    file(REMOVE ${OUTPUT}.gz)
    bytes(zipped_array "${zipped}")
    string(APPEND arrays "static const unsigned char ${id}[] = ${array};\n")
    string(APPEND arrays "static const unsigned char ${id}_gz[] = ${zipped_array};\n")
    string(APPEND assets "    {\"${name}\", \"${types_${kind}}\", {(const char *)${id}, sizeof ${id} - 1},\n"
        "     {(const char *)${id}_gz, sizeof ${id}_gz - 1}},\n")
    string(APPEND all "${name} ${hex}\n")
  else()
    message(FATAL_ERROR "${file}: there is no type for .${kind} files")
  endif()
endforeach()
string(SHA256 digest "${all}")
string(SUBSTRING ${digest} 0 12 digest)
file(WRITE ${OUTPUT} "/* Made by actors/monitor/web/embed.cmake. */\n#include \"actors/monitor/web.h\"\n\n${arrays}\n"
    "const char web_digest[] = \"${digest}\";\n\n"
    "const struct web_asset web_assets[] = {\n${assets}    {NULL, NULL, {NULL, 0}, {NULL, 0}}};\n\n"
    "const struct web_template web_templates[] = {\n${templates}    {NULL, {NULL, 0}}};\n")
