/* process/signal.h - signal channels for this directory; rules in signal.c. */
#ifndef WEFT_PROCESS_SIGNAL_H
#define WEFT_PROCESS_SIGNAL_H

#include "base/base.h"

#include <weft/process.h>

/* A channel for SIGCHLD that leaves the program its own handler: both are told.
 * NULL: no memory, no thread. */
weft_chan *weft__signal_child(void);

#endif
