# What can be said of arm64 on another machine: it compiles, and its kernels compute what the portable ones do, under
# qemu-user. Shown as skipped where Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross or qemu-user is missing.
foreach(check IN ITEMS kernels compile)
  add_test(NAME arm64_${check} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/arm64/${check}.sh ${PROJECT_SOURCE_DIR}
    ${CMAKE_CURRENT_BINARY_DIR}/arm64/${check})
  set_tests_properties(arm64_${check} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()
