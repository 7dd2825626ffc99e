# What `cmake --install` puts in place: program, libraries with their public headers and a pkg-config file, the
# models, the man page and the documents. Headers keep their rooms: <include>/atelier/engine/engine.h, and users
# write #include <engine/engine.h> with the flags that pkg-config gives.
install(TARGETS atelier RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
get_property(rooms GLOBAL PROPERTY ATELIER_ROOMS)
foreach(room IN LISTS rooms)
  install(TARGETS atelier_${room} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${CMAKE_BINARY_DIR}/rooms/${room}/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/atelier)
endforeach()

# Whoever uses the libraries finds them with pkg-config or with find_package(atelier). A linker reads archives
# once, from left to right: the rooms from above to below, in the reverse of the order they were declared in.
set(libraries ${rooms})
list(REVERSE libraries)
list(TRANSFORM libraries PREPEND atelier_ OUTPUT_VARIABLE ATELIER_LIBRARIES)
list(TRANSFORM libraries PREPEND -latelier_ OUTPUT_VARIABLE flags)
string(JOIN " " ATELIER_PC_LIBRARIES ${flags})
file(RELATIVE_PATH ATELIER_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/atelier.pc.in ${CMAKE_BINARY_DIR}/atelier.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/atelier.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/atelier)
file(RELATIVE_PATH ATELIER_PREFIX_FROM_CONFIG /prefix/${package_dir} /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/atelierConfig.cmake.in ${CMAKE_BINARY_DIR}/atelierConfig.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/atelierConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/atelierConfig.cmake ${CMAKE_BINARY_DIR}/atelierConfigVersion.cmake
  DESTINATION ${package_dir})

install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/atelier/models OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/atelier.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
