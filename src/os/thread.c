/* os/thread.c — pthreads with small stacks; every pthread failure here is a broken invariant,
 * except the lack of memory for a new thread. */
#include "os/thread.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
    GUARD_BYTES = 4096,
#ifdef WR_SANITIZED
    STACK_FACTOR = 8, /* instrumented frames are several times larger */
#else
    STACK_FACTOR = 1,
#endif
};

void wr_mutex_init(wr_mutex *mutex)
{
    wr_assert(pthread_mutex_init(mutex, NULL) == 0, "a mutex can be initialised");
}

void wr_mutex_release(wr_mutex *mutex)
{
    wr_assert(pthread_mutex_destroy(mutex) == 0, "a mutex is released when nobody holds it");
}

void wr_mutex_lock(wr_mutex *mutex)
{
    wr_assert(pthread_mutex_lock(mutex) == 0, "a mutex can be locked");
}

bool wr_mutex_try_lock(wr_mutex *mutex)
{
    return pthread_mutex_trylock(mutex) == 0;
}

void wr_mutex_unlock(wr_mutex *mutex)
{
    wr_assert(pthread_mutex_unlock(mutex) == 0, "a mutex is unlocked by its holder");
}

void wr_cond_init(wr_cond *cond)
{
    pthread_condattr_t attributes;

    wr_assert(pthread_condattr_init(&attributes) == 0 &&
                  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(cond, &attributes) == 0,
              "a condition variable can be initialised");
    pthread_condattr_destroy(&attributes);
}

void wr_cond_release(wr_cond *cond)
{
    pthread_cond_destroy(cond);
}

void wr_cond_wait(wr_cond *cond, wr_mutex *mutex)
{
    wr_assert(pthread_cond_wait(cond, mutex) == 0, "a waiter holds the mutex");
}

void wr_cond_wait_ns(wr_cond *cond, wr_mutex *mutex, uint64_t timeout_ns)
{
    static const uint64_t CENTURY_NS = 100ULL * 366 * 24 * 3600 * 1000000000;
    struct timespec       until;

    if (timeout_ns > CENTURY_NS)
        timeout_ns = CENTURY_NS;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ns / 1000000000);
    until.tv_nsec += (long)(timeout_ns % 1000000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(cond, mutex, &until);
}

void wr_cond_signal(wr_cond *cond)
{
    pthread_cond_signal(cond);
}

void wr_cond_broadcast(wr_cond *cond)
{
    pthread_cond_broadcast(cond);
}

/* Lives on the starter's stack until the new thread has copied it: no allocation. */
typedef struct start_note {
    void (*run)(void *self);
    void *self;
    sem_t copied;
} start_note;

static void *run_thread(void *note_p)
{
    start_note *note = note_p;
    void (*run)(void *self) = note->run;
    void *self = note->self;

    sem_post(&note->copied);
    run(self);
    return NULL;
}

static int create(pthread_t *out_thread, size_t stack_bytes, start_note *note)
{
    pthread_attr_t attributes;
    int            failure = pthread_attr_init(&attributes);

    if (failure != 0)
        return failure;
    pthread_attr_setguardsize(&attributes, GUARD_BYTES);
    failure = pthread_attr_setstacksize(&attributes, stack_bytes * STACK_FACTOR + GUARD_BYTES);
    if (failure == 0)
        failure = pthread_create(out_thread, &attributes, run_thread, note);
    pthread_attr_destroy(&attributes);
    return failure;
}

static wr_status start(wr_thread *out_thread, size_t stack_bytes, void (*run)(void *self),
                       void *self, wr_error *err)
{
    start_note note = {.run = run, .self = self};
    sigset_t   all, before;
    int        failure;

    wr_assert(sem_init(&note.copied, 0, 0) == 0, "a semaphore can be initialised");
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    failure = create(out_thread, stack_bytes, &note);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0) {
        while (sem_wait(&note.copied) != 0)
            continue;
    }
    sem_destroy(&note.copied);
    if (failure != 0)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "cannot start a thread: %s (use fewer threads or raise the cap)",
                        strerrordesc_np(failure));
    return WR_OK;
}

wr_status wr_thread_start(wr_thread *out_thread, void (*run)(void *self), void *self,
                          wr_error *err)
{
    return start(out_thread, WR_THREAD_STACK_BYTES, run, self, err);
}

wr_status wr_thread_start_io(wr_thread *out_thread, void (*run)(void *self), void *self,
                             wr_error *err)
{
    return start(out_thread, WR_IO_THREAD_STACK_BYTES, run, self, err);
}

void wr_thread_join(wr_thread thread)
{
    wr_assert(pthread_join(thread, NULL) == 0, "a thread is joined once");
}

void wr_thread_yield(void)
{
    (void)sched_yield();
}
