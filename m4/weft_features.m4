# What a builder may switch on: debug level, sanitizers, Criterion, warnings.

# WEFT_DEBUG -- --enable-debug=0|1|2 sets WEFT_DEBUG_LEVEL.
AC_DEFUN([WEFT_DEBUG], [
  AC_ARG_ENABLE([debug],
    [AS_HELP_STRING([--enable-debug=0|1|2],
      [0 none (default); 1 assertions; 2 also shrinks capacities and gives up the CPU at random points])],
    [], [enable_debug=0])
  AS_CASE([$enable_debug],
    [yes], [weft_debug=1],
    [no], [weft_debug=0],
    [0|1|2], [weft_debug=$enable_debug],
    [AC_MSG_ERROR([--enable-debug takes 0, 1 or 2, not "$enable_debug"])])
  AC_DEFINE_UNQUOTED([WEFT_DEBUG_LEVEL], [$weft_debug],
    [0 release, 1 assertions, 2 small capacities and random yields])
  AC_SUBST([weft_debug])
])

# WEFT_SANITIZER -- --enable-sanitizer=LIST builds everything with -fsanitize=.
AC_DEFUN([WEFT_SANITIZER], [
  AC_ARG_ENABLE([sanitizer],
    [AS_HELP_STRING([--enable-sanitizer=LIST],
      [build with -fsanitize=LIST: address, undefined, thread or address,undefined])],
    [], [enable_sanitizer=no])
  AS_CASE([$enable_sanitizer],
    [no], [weft_sanitizer=none; SAN_CFLAGS=],
    [yes], [AC_MSG_ERROR([--enable-sanitizer needs a list, for example address,undefined])],
    [weft_sanitizer=$enable_sanitizer
     SAN_CFLAGS="-fsanitize=$enable_sanitizer -fno-omit-frame-pointer"
     AS_CASE([,$enable_sanitizer,], [*,undefined,*],
       [SAN_CFLAGS="$SAN_CFLAGS -fno-sanitize-recover=undefined"])
     weft_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $SAN_CFLAGS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()], [],
       [AC_MSG_ERROR([$CC cannot build with -fsanitize=$enable_sanitizer])])
     CFLAGS=$weft_save_CFLAGS])
  AC_SUBST([SAN_CFLAGS])
  AC_SUBST([weft_sanitizer])
])

# WEFT_CRITERION -- --with-criterion=yes|no|auto; without it the same tests are
# built with tests/support/minicrit.h.
AC_DEFUN([WEFT_CRITERION], [
  AC_ARG_WITH([criterion],
    [AS_HELP_STRING([--with-criterion=yes|no|auto],
      [build the tests with Criterion (auto: when found); "no" takes tests/support/minicrit.h])],
    [], [with_criterion=auto])
  weft_criterion=no
  AS_CASE([$with_criterion],
    [no], [],
    [yes|auto], [PKG_CHECK_MODULES([CRITERION], [criterion >= 2.4], [weft_criterion=yes],
      [AS_IF([test "$with_criterion" = yes],
        [AC_MSG_ERROR([Criterion 2.4 or later not found: install libcriterion-dev or use --with-criterion=no])])])],
    [AC_MSG_ERROR([--with-criterion takes yes, no or auto, not "$with_criterion"])])
  AM_CONDITIONAL([HAVE_CRITERION], [test "$weft_criterion" = yes])
  AS_IF([test "$weft_criterion" = yes],
    [weft_criterion_note="with Criterion"],
    [weft_criterion_note="with tests/support/minicrit.h"])
])

# WEFT_VALGRIND -- the header that tells valgrind about our stacks, if present.
AC_DEFUN([WEFT_VALGRIND], [
  AC_CHECK_HEADERS([valgrind/valgrind.h])
])

# WEFT_CXX -- C++ is for tests only: is there a compiler for C++17 whose objects
# go together with those of $CC?
AC_DEFUN([WEFT_CXX], [
  AC_MSG_CHECKING([whether $CXX builds C++17])
  AC_LANG_PUSH([C++])
  weft_save_CXXFLAGS=$CXXFLAGS
  CXXFLAGS="$CXXFLAGS -std=gnu++17 $SAN_CFLAGS"
  echo 'int weft_probe(void) { return 0; }' > weft-probe.c
  $CC $CFLAGS -c weft-probe.c -o weft-probe.o >&AS_MESSAGE_LOG_FD 2>&1
  weft_save_LIBS=$LIBS
  LIBS="weft-probe.o $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM(
      [[#include <type_traits>
        extern "C" int weft_probe(void);]],
      [[return std::is_same_v<int, long> + weft_probe();]])],
    [weft_cxx17=yes], [weft_cxx17=no])
  LIBS=$weft_save_LIBS
  rm -f weft-probe.c weft-probe.o
  CXXFLAGS=$weft_save_CXXFLAGS
  AC_LANG_POP([C++])
  AC_MSG_RESULT([$weft_cxx17])
  AM_CONDITIONAL([HAVE_CXX17], [test "$weft_cxx17" = yes])
])

# WEFT_TRY_FLAGS(VARIABLE, FLAG...) -- append each flag the compiler takes.
AC_DEFUN([WEFT_TRY_FLAGS], [
  for weft_flag in $2; do
    AC_MSG_CHECKING([whether $CC accepts $weft_flag])
    weft_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $weft_flag"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int weft_probe(int x); int weft_probe(int x) { return x + 1; }]])],
      [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1], [" $weft_flag"])],
      [AC_MSG_RESULT([no])])
    CFLAGS=$weft_save_CFLAGS
  done
])

# WEFT_FLAGS -- WEFT_CFLAGS for every object, WEFT_LIB_CFLAGS for the library's.
# The library is never LTO code: a caller that could be merged with the switch
# could also keep a thread pointer across it.
AC_DEFUN([WEFT_FLAGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [warnings are errors (for CI)])],
    [], [enable_werror=no])
  WEFT_CFLAGS="-std=gnu11"
  WEFT_TRY_FLAGS([WEFT_CFLAGS], [-Wall -Wextra -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings \
    -Wvla -Wformat -Wno-missing-field-initializers \
    -fasynchronous-unwind-tables -pthread])
  AS_IF([test "$enable_werror" = yes], [AS_VAR_APPEND([WEFT_CFLAGS], [" -Werror"])])
  WEFT_LIB_CFLAGS=
  WEFT_TRY_FLAGS([WEFT_LIB_CFLAGS], [-fvisibility=hidden -ftls-model=initial-exec \
    -fstack-clash-protection -fno-lto])
  AC_SUBST([WEFT_CFLAGS])
  AC_SUBST([WEFT_LIB_CFLAGS])
])
