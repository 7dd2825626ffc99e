# How everything is compiled: C17 without extensions we do not name, all warnings, sanitizers by preset.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(ATELIER_WERROR "Warnings are errors (CI)" OFF)
option(ATELIER_BENCH "Build bench/" ON)
option(ATELIER_FUZZ "Build libFuzzer targets (clang)" OFF)
set(ATELIER_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -fno-math-errno
                    -ffp-contract=off)
if(ATELIER_WERROR)
  add_compile_options(-Werror)
endif()
if(ATELIER_SANITIZE)
  add_compile_options(-fsanitize=${ATELIER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${ATELIER_SANITIZE})
endif()
