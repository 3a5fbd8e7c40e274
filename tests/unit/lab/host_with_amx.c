// Copyright (c) 2026 The mixed_lb.stack authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A host's ptrace() as far as lab/xstate.c asks it: SIZE bytes of extended state, taken back whole or not at all.

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifndef SIZE
#define SIZE 11008
#endif

char state[SIZE];
int refused, other;

long ptrace(enum __ptrace_request request, ...)
{
    va_list words;
    va_start(words, request);
    (void)va_arg(words, pid_t);
    void *address = va_arg(words, void *);
    struct iovec *data = va_arg(words, void *);
    va_end(words);
    if ((long)address != NT_X86_XSTATE) {
        other++;
        return 7;
    }
    if (request == PTRACE_GETREGSET) {
        data->iov_len = data->iov_len < SIZE ? data->iov_len : SIZE;
        memcpy(data->iov_base, state, data->iov_len);
        return 0;
    }
    if (data->iov_len < SIZE) {
        refused++;
        errno = EFAULT;
        return -1;
    }
    memcpy(state, data->iov_base, SIZE);
    return 0;
}
