# WEFT_ARCH -- map $host_cpu to a directory of src/arch.  The one place where a
# CPU name is parsed.
AC_DEFUN([WEFT_ARCH], [
  AC_REQUIRE([AC_CANONICAL_HOST])
  AS_CASE([$host_cpu],
    [x86_64|amd64],  [weft_arch=x86_64],
    [aarch64|arm64], [weft_arch=aarch64],
    [riscv64*],      [weft_arch=riscv64],
    [AC_MSG_ERROR([no port for $host_cpu: see src/arch/README])])
  AS_CASE([$host],
    [*-gnux32], [AC_MSG_ERROR([no port for the x32 ABI: see src/arch/README])])
  AM_CONDITIONAL([ARCH_X86_64], [test "$weft_arch" = x86_64])
  AM_CONDITIONAL([ARCH_AARCH64], [test "$weft_arch" = aarch64])
  AM_CONDITIONAL([ARCH_RISCV64], [test "$weft_arch" = riscv64])
  AC_SUBST([weft_arch])
])
