/* os/thread.h — threads with small fixed stacks, mutexes, condition variables.
 *
 * Every thread's stack (+ guard page) has a size of ours and is charged to the cap when the thread
 * starts. Recursion over input is therefore forbidden everywhere: use explicit stacks. */
#ifndef WR_OS_THREAD_H
#define WR_OS_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"

enum {
    WR_THREAD_STACK_BYTES = 192 * 1024,   /* of a thread that runs operators    */
    WR_IO_THREAD_STACK_BYTES = 64 * 1024, /* of one that only reads and writes  */
};

typedef pthread_mutex_t wr_mutex;
typedef pthread_cond_t  wr_cond;
typedef pthread_t       wr_thread;

void wr_mutex_init(wr_mutex *mutex);
void wr_mutex_release(wr_mutex *mutex);
void wr_mutex_lock(wr_mutex *mutex);
void wr_mutex_unlock(wr_mutex *mutex);
/** Locked, if nobody holds it. */
bool wr_mutex_try_lock(wr_mutex *mutex);

void wr_cond_init(wr_cond *cond); /* monotonic clock */
void wr_cond_release(wr_cond *cond);
void wr_cond_wait(wr_cond *cond, wr_mutex *mutex);
/** Returns after a signal or `timeout_ns`, whichever is first. */
void wr_cond_wait_ns(wr_cond *cond, wr_mutex *mutex, uint64_t timeout_ns);
void wr_cond_signal(wr_cond *cond);
void wr_cond_broadcast(wr_cond *cond);

/** Start a thread with signals blocked. Errors WR_NO_MEMORY. */
wr_status wr_thread_start(wr_thread *out_thread, void (*run)(void *self), void *self,
                          wr_error *err) WR_MUST_USE;
/** The same with WR_IO_THREAD_STACK_BYTES. */
wr_status wr_thread_start_io(wr_thread *out_thread, void (*run)(void *self), void *self,
                             wr_error *err) WR_MUST_USE;
void wr_thread_join(wr_thread thread);

/** Let others run first who want to. */
void wr_thread_yield(void);

/* Scope guard: WR_LOCKED(&mutex); holds until the scope ends. */
static inline void wr_mutex_unlock_auto(wr_mutex **mutex)
{
    wr_mutex_unlock(*mutex);
}
static inline wr_mutex *wr_mutex_locked(wr_mutex *mutex)
{
    wr_mutex_lock(mutex);
    return mutex;
}
#define WR_LOCKED(mutex)                                                                           \
    __attribute__((cleanup(wr_mutex_unlock_auto), unused)) wr_mutex *locked_ =                     \
        wr_mutex_locked(mutex)

#endif
