# Tests of pools of real processes: the worker room with an engine that does what the prompt says (fake_worker),
# and a peer that keeps to no rule (rogue_worker).
set(process_dir ${CMAKE_CURRENT_LIST_DIR})

# A program that is `atelier worker` but for the engine, which comes before the real one's archive.
add_executable(fake_worker ${process_dir}/fake_main.c ${process_dir}/fake_engine.c ${process_dir}/fake_png.c
  ${PROJECT_SOURCE_DIR}/cli/worker.c ${PROJECT_SOURCE_DIR}/cli/console.c)
# The same with true PNGs, for what reads them again.
add_executable(fake_worker_png ${process_dir}/fake_main.c ${process_dir}/fake_engine.c
  ${PROJECT_SOURCE_DIR}/cli/worker.c ${PROJECT_SOURCE_DIR}/cli/console.c)
foreach(name fake_worker fake_worker_png)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cli)
  target_link_libraries(${name} PRIVATE atelier_worker atelier_base m)
endforeach()

add_executable(rogue_worker ${process_dir}/rogue_worker.c)
target_link_libraries(rogue_worker PRIVATE atelier_schemas PkgConfig::zmq PkgConfig::sodium)

file(GLOB process_tests CONFIGURE_DEPENDS RELATIVE ${process_dir} ${process_dir}/*_test.c)
foreach(file IN LISTS process_tests)
  string(REPLACE "_test.c" "" name ${file})
  atelier_test(process_${name} SOURCES ${process_dir}/${file} ROOMS coordinator LIBRARIES Threads::Threads)
  target_compile_definitions(test_process_${name} PRIVATE
    FAKE_WORKER="$<TARGET_FILE:fake_worker>" ROGUE_WORKER="$<TARGET_FILE:rogue_worker>")
  add_dependencies(test_process_${name} fake_worker rogue_worker)
  set_tests_properties(process_${name} PROPERTIES TIMEOUT 300
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${process_dir}/tsan.supp")
endforeach()

# The real program, with the real engine.
target_link_libraries(test_process_real_model PRIVATE atelier_engine)
foreach(name real_model probe)
  target_compile_definitions(test_process_${name} PRIVATE ATELIER_PROGRAM="$<TARGET_FILE:atelier>")
  add_dependencies(test_process_${name} atelier)
endforeach()
