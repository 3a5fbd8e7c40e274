// Copyright (c) 2026 The mixed_lb.stack authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands before the C library's ptrace() in a user-mode Linux that keeps 2,696 bytes of a process's extended processor
// state, as the kernels before 6.10 do. A host takes that state back whole or not at all, and where the processor has AMX it
// is 11,008 bytes long: the host refuses with EFAULT, and the kernel panics at its first process. What is missing behind
// what was kept is in its initial state, as the header at the beginning says, so zeros will do.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

// Not on the stack, which is the user-mode kernel's and small; one thread of it traces.
static char whole[1 << 16];
static size_t length;
static long (*next)(enum __ptrace_request, pid_t, void *, void *);

__attribute__((constructor)) static void find_next(void)
{
    next = dlsym(RTLD_NEXT, "ptrace");
}

static long restore(pid_t pid, void *kind, struct iovec *kept)
{
    struct iovec all = {whole, sizeof(whole)};

    if (length == 0) {
        long done = next(PTRACE_SETREGSET, pid, kind, kept);
        if (done == 0 || errno != EFAULT)
            return done;
        if (next(PTRACE_GETREGSET, pid, kind, &all) != 0)
            return -1;
        if (all.iov_len <= kept->iov_len) {
            errno = EFAULT;
            return -1;
        }
        length = all.iov_len;
        memset(whole, 0, length);
    }
    memcpy(whole, kept->iov_base, kept->iov_len);
    all.iov_len = length;
    return next(PTRACE_SETREGSET, pid, kind, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list words;
    va_start(words, request);
    pid_t pid = va_arg(words, pid_t);
    void *address = va_arg(words, void *);
    void *data = va_arg(words, void *);
    va_end(words);
    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
        return restore(pid, address, data);
    return next(request, pid, address, data);
}
