# embed.cmake: turns numbered SQL files into a C table (actors/writer/schema.h), so that the program carries its schema.
#
#   cmake -DOUTPUT=build/generated/writer_schema.c -DTABLE=writer_migration "-DFILES=0001_archive.sql|0002_..." -P embed.cmake
#
# makes writer_migrations[] and writer_migration_count.
#
# A file's number is its version; its SHA-1 is kept in the database, so that a file that was changed after it had been
# applied somewhere is noticed.
string(REPLACE "|" ";" FILES "${FILES}")
set(text "/* Made by actors/writer/schema/embed.cmake. */\n#include \"actors/writer/schema.h\"\n\n")
string(APPEND text "const struct writer_migration ${TABLE}s[] = {\n")
set(expected 1)
foreach(file ${FILES})
  get_filename_component(stem ${file} NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${file}: a migration is named NNNN_name.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" version ${CMAKE_MATCH_1})
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "${file}: the next migration is number ${expected}")
  endif()
  math(EXPR expected "${expected} + 1")
  file(SHA1 ${file} sha1)
  file(READ ${file} sql)
  string(REPLACE "\\" "\\\\" sql "${sql}")
  string(REPLACE "\"" "\\\"" sql "${sql}")
  string(REPLACE "\n" "\\n\"\n     \"" sql "${sql}")
  string(APPEND text "    {${version}, \"${name}\", \"${sha1}\",\n     \"${sql}\"},\n")
endforeach()
string(APPEND text "};\n\nconst size_t ${TABLE}_count = sizeof(${TABLE}s) / sizeof(${TABLE}s[0]);\n")
file(WRITE ${OUTPUT} "${text}")
