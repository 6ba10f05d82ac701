# WEFT_LIBURING -- --with-liburing=auto|yes|no: io_uring as a poller, taken at
# run time by WEFT_POLLER=uring.  The library is found at build time only; a
# kernel that refuses it is no error.
AC_DEFUN([WEFT_LIBURING], [
  AC_ARG_WITH([liburing],
    [AS_HELP_STRING([--with-liburing=auto|yes|no],
      [also build the io_uring poller (auto: when liburing 2.2 or later is found)])],
    [], [with_liburing=auto])
  weft_liburing=no
  LIBURING_CFLAGS= LIBURING_LIBS=
  AS_CASE([$with_liburing],
    [no], [],
    [yes|auto], [
      PKG_CHECK_MODULES([LIBURING], [liburing >= 2.2], [weft_liburing=yes], [:])
      # A cross build may have found the build machine's.
      AS_IF([test "$weft_liburing" = yes], [
        weft_save_CFLAGS=$CFLAGS weft_save_LIBS=$LIBS
        CFLAGS="$CFLAGS $LIBURING_CFLAGS" LIBS="$LIBURING_LIBS $LIBS"
        AC_MSG_CHECKING([whether liburing links])
        AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <liburing.h>]],
          [[struct io_uring r;
            struct io_uring_sqe s;
            io_uring_prep_poll_multishot(&s, 0, 0);
            io_uring_prep_cancel64(&s, r.sq.ring_mask + IORING_FEAT_CQE_SKIP, 0);
            return io_uring_ring_dontfork(&r) + io_uring_enter2(0, 0, 0, 0, 0, 0);]])],
          [], [weft_liburing=no])
        AC_MSG_RESULT([$weft_liburing])
        CFLAGS=$weft_save_CFLAGS LIBS=$weft_save_LIBS])
      AS_IF([test "$weft_liburing" = yes],
        [AC_DEFINE([HAVE_LIBURING], [1], [Define to build the io_uring poller.])],
        [test "$with_liburing" = yes],
        [AC_MSG_ERROR([liburing 2.2 or later not found: install liburing-dev or use --with-liburing=no])],
        [LIBURING_CFLAGS= LIBURING_LIBS=])],
    [AC_MSG_ERROR([--with-liburing takes auto, yes or no, not "$with_liburing"])])
  AC_SUBST([LIBURING_CFLAGS])
  AC_SUBST([LIBURING_LIBS])
])
