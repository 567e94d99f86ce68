# embed.cmake: turns the scripts into two C tables (runtime/queue/redis_script.h).
#
#   cmake -DOUTPUT=build/generated/redis_scripts.c -DFOLDER=runtime/queue/lua -DLIST=runtime/queue/redis_scripts.def -P embed.cmake
file(READ ${FOLDER}/prelude.lua prelude)
file(STRINGS ${LIST} rows REGEX "^(MAIL_)?SCRIPT")

# add_script(TABLE NAME LUA): appends a row to the table's text.
function(add_script table name lua)
  string(REPLACE "\\" "\\\\" lua "${lua}")
  string(REPLACE "\"" "\\\"" lua "${lua}")
  string(REPLACE "\n" "\\n\"\n     \"" lua "${lua}")
  set(${table} "${${table}}    [${name}] =\n     \"${lua}\",\n" PARENT_SCOPE)
endfunction()

set(queue "")
set(mail "")
foreach(row ${rows})
  string(REGEX REPLACE "^.*SCRIPT.([a-z_]+).$" "\\1" name "${row}")
  if(row MATCHES "^MAIL_")
    file(READ ${FOLDER}/mail_${name}.lua body)
    add_script(mail RY_MAIL_${name} "${body}")
  else()
    file(READ ${FOLDER}/${name}.lua body)
    add_script(queue RY_REDIS_${name} "${prelude}${body}")
  endif()
endforeach()
file(WRITE ${OUTPUT} "/* Made by runtime/queue/lua/embed.cmake. */\n#include \"runtime/queue/redis_script.h\"\n\n"
  "const char *const ry_redis_scripts[RY_REDIS_SCRIPT_COUNT] = {\n${queue}};\n\n"
  "const char *const ry_mail_scripts[RY_MAIL_SCRIPT_COUNT] = {\n${mail}};\n")
