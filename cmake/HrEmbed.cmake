# sv_embed(TARGET SYMBOL BASE folder FILES name...): the files become the array
# `const sv_embedded SYMBOL[]` (services/base/embed.h) of TARGET, made anew when one of them changes.
# CMake itself writes the C text, so that no other tool is needed at build.
function(sv_embed target symbol)
  cmake_parse_arguments(E "" "BASE" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  list(TRANSFORM E_FILES PREPEND ${E_BASE}/ OUTPUT_VARIABLE inputs)
  list(JOIN E_FILES "|" names)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D OUT=${out} -D SYMBOL=${symbol} -D BASE=${E_BASE} -D "NAMES=${names}"
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${symbol}" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
