# Instruction sets belong to single source files: nothing else may assume more than the architecture's baseline.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(kernels/avx2.c PROPERTIES COMPILE_OPTIONS "-O3;-mavx2;-mfma;-mf16c")
  set_source_files_properties(kernels/avx2_vnni.c PROPERTIES COMPILE_OPTIONS "-O3;-mavx2;-mavxvnni")
  set_source_files_properties(kernels/avx512.c PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512cd;-mfma;-mf16c;-mprefer-vector-width=512")
  set_source_files_properties(kernels/avx512_bf16.c PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512bf16;-mprefer-vector-width=512")
  set_source_files_properties(kernels/avx512_vnni.c PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512vl;-mavx512vnni;-mprefer-vector-width=512")
  set_source_files_properties(kernels/amx.c PROPERTIES COMPILE_OPTIONS "-O3;-mamx-tile;-mamx-bf16;-mamx-int8")
  set_source_files_properties(kernels/amx_finishing.c kernels/amx_one_tap.c PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512bf16;-mamx-tile;-mamx-bf16;-mprefer-vector-width=512")
  set_source_files_properties(kernels/amx_attention.c kernels/amx_attention_passing.c kernels/amx_attention_strips.c PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vbmi;-mavx512vbmi2;-mavx512bf16;-mamx-tile;-mamx-bf16;-mprefer-vector-width=512")
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set_source_files_properties(kernels/neon.c PROPERTIES COMPILE_OPTIONS "-O3")
  set_source_files_properties(kernels/neon_dot.c PROPERTIES COMPILE_OPTIONS "-O3;-march=armv8.2-a+dotprod")
  set_source_files_properties(kernels/neon_bf16.c kernels/neon_attention.c PROPERTIES COMPILE_OPTIONS "-O3;-march=armv8.2-a+bf16")
endif()
if(ATELIER_SANITIZE MATCHES "undefined" AND CMAKE_C_COMPILER_ID MATCHES "Clang")
  # clang 14 does not come to an end on them; gcc's sanitizer of undefined behaviour, in the asan preset, does.
  set_property(SOURCE kernels/avx2.c kernels/avx2_vnni.c kernels/avx512.c kernels/avx512_bf16.c kernels/avx512_vnni.c kernels/amx_attention.c kernels/amx_attention_passing.c kernels/amx_attention_strips.c kernels/amx_finishing.c kernels/amx_one_tap.c APPEND PROPERTY COMPILE_OPTIONS "-fno-sanitize=undefined")
endif()
