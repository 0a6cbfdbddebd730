# Makes the C table of the linter's warnings from the tables of docs/linter.md.
# cmake -DDOCUMENT=docs/linter.md -DOUT=linter_rules.c -P linter_rules.cmake
file(READ "${DOCUMENT}" text)
# What CMake's lists would take apart.
string(REPLACE ";" "@SEMICOLON@" text "${text}")
string(REPLACE "[" "@OPEN@" text "${text}")
string(REPLACE "]" "@CLOSE@" text "${text}")
string(REGEX MATCHALL "\n\\| `[^\n]*" rows "${text}")

# A cell as a sentence: without Markdown's marks, with a capital letter unless it begins with a name, and a full stop.
function(sentence out cell)
  if(NOT cell MATCHES "^`")
    string(SUBSTRING "${cell}" 0 1 first)
    string(SUBSTRING "${cell}" 1 -1 rest)
    string(TOUPPER "${first}" first)
    set(cell "${first}${rest}")
  endif()
  string(REPLACE "`" "" cell "${cell}")
  string(REPLACE "\\" "\\\\" cell "${cell}")
  string(REPLACE "\"" "\\\"" cell "${cell}")
  set(${out} "${cell}." PARENT_SCOPE)
endfunction()

set(entries "")
foreach(row IN LISTS rows)
  if(NOT row MATCHES "^\n\\| `([a-z0-9-]+)` \\| ([^|]+) \\| ([^|]+) \\| ?([A-Z0-9, ]*)\\|$")
    message(FATAL_ERROR "docs/linter.md: a row is not `name`, what it finds, remedy, istioctl: ${row}")
  endif()
  set(name "${CMAKE_MATCH_1}")
  set(finds "${CMAKE_MATCH_2}")
  set(remedy "${CMAKE_MATCH_3}")
  string(STRIP "${CMAKE_MATCH_4}" istioctl)
  sentence(finds "${finds}")
  sentence(remedy "${remedy}")
  if(istioctl)
    string(APPEND remedy " istioctl analyze calls it ${istioctl}.")
  endif()
  string(APPEND entries "    {\"${name}\", \"${finds}\", \"${remedy}\"},\n")
endforeach()
string(REPLACE "@SEMICOLON@" ";" entries "${entries}")
string(REPLACE "@OPEN@" "[" entries "${entries}")
string(REPLACE "@CLOSE@" "]" entries "${entries}")
file(WRITE "${OUT}" "/* Made from docs/linter.md by cmake/linter_rules.cmake. */
#include \"linter_rules.h\"

const cli_sarif_rule cli_linter_rules[] = {
${entries}    {0},
};
")
