# What every target of the project shares: language levels, warnings, sanitizers, and the two helpers
# hr_add_library (shared + static + install + package files) and hr_add_test (a Criterion program).

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON) # libh2o's headers need gnu11
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(hr_build_flags INTERFACE)
target_compile_options(hr_build_flags INTERFACE -Wall -Wextra -Wpedantic -ffp-contract=off
  $<$<BOOL:${HR_WERROR}>:-Werror>
  $<$<BOOL:${HR_ASSERTS}>:-UNDEBUG>) # comes after the flags of the build type
if(HR_SANITIZE)
  target_compile_options(hr_build_flags INTERFACE -fsanitize=${HR_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(hr_build_flags INTERFACE -fsanitize=${HR_SANITIZE})
endif()
if(HR_BUILD_FUZZ) # the fuzzer's guide is the coverage of the libraries, not only of its own file
  target_compile_options(hr_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

include(CMakePackageConfigHelpers)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# hr_add_module(LIBRARY MODULE SOURCES ... [USES module...] [PRIVATE_LIBS ...] [INCLUDE dir])
# compiles the files src/MODULE/SOURCES of LIBRARY. Headers are included by their bare name and are found in
# the module itself and in the modules that it USES, nowhere else: an include against the direction of the
# data flow fails to build.
function(hr_add_module library module)
  cmake_parse_arguments(M "" "INCLUDE" "SOURCES;USES;PRIVATE_LIBS" ${ARGN})
  list(TRANSFORM M_SOURCES PREPEND src/${module}/)
  set(target ${library}-${module})
  add_library(${target} OBJECT ${M_SOURCES})
  list(TRANSFORM M_USES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/src/ OUTPUT_VARIABLE folders)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src/${module} ${folders}
    ${M_INCLUDE} ${PROJECT_BINARY_DIR}/include)
  target_link_libraries(${target} PRIVATE hr_build_flags ${M_PRIVATE_LIBS})
endfunction()

# hr_add_library(NAME MODULES ... | SOURCES ... INCLUDE dir PRIVATE_LIBS ... PC_REQUIRES ... [PC_LIBS_PRIVATE ...]
# [DEPENDS target...] [LANGUAGE CXX] SYMBOLS file)
# builds NAME (shared, with soname), NAME-static, and installs headers, libraries, NAME.pc and the
# CMake package NAME (targets NAME::NAME and NAME::NAME-static).
# PRIVATE_LIBS are linked here; users of the static library get the same as plain flags, those of the
# pkg-config modules PC_REQUIRES and PC_LIBS_PRIVATE. Users of the shared library need none of them, not
# even their packages. SYMBOLS is the linker's version script: what the shared library exports. DEPENDS are libraries of ours whose headers a user sees.
function(hr_add_library name)
  cmake_parse_arguments(L "" "INCLUDE;DESCRIPTION;LANGUAGE;SYMBOLS"
    "MODULES;SOURCES;PRIVATE_LIBS;PC_REQUIRES;PC_LIBS_PRIVATE;DEPENDS" ${ARGN})
  set(objects "")
  if(L_SOURCES)
    add_library(${name}-objects OBJECT ${L_SOURCES})
    target_include_directories(${name}-objects PUBLIC ${L_INCLUDE} ${PROJECT_BINARY_DIR}/include)
    target_link_libraries(${name}-objects PRIVATE hr_build_flags ${L_PRIVATE_LIBS} PUBLIC ${L_DEPENDS})
    set(objects $<TARGET_OBJECTS:${name}-objects>)
  endif()
  foreach(module ${L_MODULES})
    list(APPEND objects $<TARGET_OBJECTS:${name}-${module}>)
  endforeach()

  set(user_flags ${L_PC_LIBS_PRIVATE})
  if(L_PC_REQUIRES)
    pkg_check_modules(HR_DEPS_${name} REQUIRED QUIET ${L_PC_REQUIRES})
    set(user_flags ${HR_DEPS_${name}_STATIC_LDFLAGS} ${L_PC_LIBS_PRIVATE})
    foreach(folder ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES}) # every linker looks there by itself
      list(REMOVE_ITEM user_flags -L${folder})
    endforeach()
  endif()

  foreach(kind SHARED STATIC)
    set(target ${name})
    set(suffix "")
    if(kind STREQUAL STATIC)
      set(target ${name}-static)
      set(suffix -static)
    endif()
    add_library(${target} ${kind} ${objects})
    add_library(${name}::${target} ALIAS ${target})
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${L_INCLUDE}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
    foreach(lib ${L_PRIVATE_LIBS} hr_build_flags)
      target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${lib}>)
    endforeach()
    foreach(dep ${L_DEPENDS})
      target_link_libraries(${target} PUBLIC ${dep}${suffix})
    endforeach()
  endforeach()
  foreach(flag ${user_flags})
    target_link_libraries(${name}-static INTERFACE $<INSTALL_INTERFACE:${flag}>)
  endforeach()
  set(map ${CMAKE_CURRENT_SOURCE_DIR}/${L_SYMBOLS})
  set_target_properties(${name} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${HR_ABI_VERSION} LINK_DEPENDS ${map})
  if(NOT APPLE) # whose linker has no version scripts; names are hidden by the compiler too
    target_link_options(${name} PRIVATE -Wl,--version-script=${map})
  endif()
  # CMake does not look into $<TARGET_OBJECTS>: with C++ inside, the shared library is linked as C++.
  if(L_LANGUAGE)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE ${L_LANGUAGE})
  endif()

  install(TARGETS ${name} ${name}-static EXPORT ${name}-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT ${name}-targets NAMESPACE ${name}:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/${name})

  # Relative to the file itself, so that an installed tree can be moved.
  file(RELATIVE_PATH HR_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  set(HR_PC_NAME ${name})
  set(HR_PC_DESCRIPTION "${L_DESCRIPTION}")
  list(JOIN user_flags " " HR_PC_LIBS_PRIVATE)
  list(JOIN L_DEPENDS " " HR_PC_REQUIRES)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/library.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

  set(HR_PACKAGE_DEPENDS "")
  foreach(dep ${L_DEPENDS})
    string(APPEND HR_PACKAGE_DEPENDS "find_dependency(${dep})\n")
  endforeach()
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/library-config.cmake.in
    ${PROJECT_BINARY_DIR}/${name}-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/${name})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/${name}-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/${name}-config.cmake ${PROJECT_BINARY_DIR}/${name}-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/${name})
endfunction()

# hr_add_test(NAME SOURCES ... LIBS ... [INCLUDES ...] [LABELS ...] [TIMEOUT s]): a Criterion program as
# one ctest test. Libraries are linked statically, so tests may look at internals.
function(hr_add_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS;INCLUDES;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${T_INCLUDES})
  target_link_libraries(${name} PRIVATE hr_build_flags ${T_LIBS} PkgConfig::CRITERION)
  target_compile_definitions(${name} PRIVATE HR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  add_test(NAME ${name} COMMAND ${name} --jobs 2 ${T_ARGS} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
endfunction()
