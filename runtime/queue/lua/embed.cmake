# embed.cmake: turns the scripts into a C table (runtime/queue/redis_script.h), the prelude before each.
#
#   cmake -DOUTPUT=build/generated/redis_scripts.c -DFOLDER=runtime/queue/lua "-DNAMES=take|push|..." -P embed.cmake
string(REPLACE "|" ";" NAMES "${NAMES}")
file(READ ${FOLDER}/prelude.lua prelude)
set(text "/* Made by runtime/queue/lua/embed.cmake. */\n#include \"runtime/queue/redis_script.h\"\n\n")
string(APPEND text "const char *const ry_redis_scripts[RY_REDIS_SCRIPT_COUNT] = {\n")
foreach(name ${NAMES})
  file(READ ${FOLDER}/${name}.lua body)
  set(lua "${prelude}${body}")
  string(REPLACE "\\" "\\\\" lua "${lua}")
  string(REPLACE "\"" "\\\"" lua "${lua}")
  string(REPLACE "\n" "\\n\"\n     \"" lua "${lua}")
  string(APPEND text "    [RY_REDIS_${name}] =\n     \"${lua}\",\n")
endforeach()
string(APPEND text "};\n")
file(WRITE ${OUTPUT} "${text}")
