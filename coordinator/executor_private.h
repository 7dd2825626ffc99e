/* executor_private.h - between the files of the executor.
 *
 * Two halves. The hall is where callers and the pool's thread meet: submitted futures, ended futures, and one
 * mutex; it outlives the pool as long as a future does. Everything else (socket, processes, dispatch, live
 * futures) belongs to the pool's thread alone.
 *
 * A future is completed exactly once: by the pool's thread, when it publishes what ended, if it was ever
 * taken from the queue; otherwise by whoever takes it out of the queue under the mutex (cancel, drain, the
 * end of the pool). */
#ifndef ATL_COORDINATOR_EXECUTOR_PRIVATE_H
#define ATL_COORDINATOR_EXECUTOR_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "coordinator/dispatch.h"
#include "coordinator/executor.h"
#include "own_core.h"
#include "process.h"
#include "schemas/desk.h"
#include "schemas/message.h"
#include "schemas/tray.h"
#include "server.h"

typedef struct atl_future_list {
    atl_future *first, *last;
} atl_future_list;

typedef enum atl_pool_order { ATL_POOL_GO_ON, ATL_POOL_FINISH, ATL_POOL_DRAIN, ATL_POOL_KILL } atl_pool_order;

typedef struct atl_hall {
    pthread_mutex_t mutex;
    pthread_cond_t ended;    /* futures ended */
    pthread_cond_t gathered; /* as many as `wanted` are in `completed`, or no more will come */
    pthread_cond_t room;     /* in the queue */
    atl_future_list queue, completed;
    size_t n_completed, wanted; /* 0: nobody gathers */
    size_t n_queued, queue_limit;
    size_t n_open; /* submitted and not ended */
    size_t refs;   /* futures, and the executor */
    atl_pool_order order;
    bool paused;
    uint32_t limit;    /* workers below it get what is taken from the queue from now on */
    bool over;         /* the pool ended by itself: `status` and `note` say why */
    bool hungry;       /* the pool's thread waits for a future in the queue */
    bool nudged;       /* who gathers is to look about */
    atl_status status; /* what submit answers once order is not GO_ON, or over */
    atl_note note;
    int wake_fd; /* an eventfd; -1 when the pool is gone */
    atl_pool_counts counts;
    pid_t *pids; /* [n_workers], 0: none */
    size_t n_pids;
} atl_hall;

struct atl_future {
    atl_hall *hall;
    atl_future *previous, *next;
    atl_future_list *list;    /* the one it is in, or NULL */
    atl_future *next_live;    /* the pool's, and this too: */
    atl_future_state becomes; /* when it is published */
    uint64_t handle;          /* the pool's name for it */
    atl_job job;              /* until it ends */
    int64_t submitted_ns;
    bool users, pools; /* who still holds it */
    atl_future_state state;
    atl_result result;
    atl_frame picture;
    char *settings;
};

atl_status atl_hall_open(size_t queue_limit, size_t n_workers, atl_hall **ret, atl_note *note);
/* Each under the mutex unless it says otherwise. */
void atl_hall_leave(atl_hall *hall); /* not under it: gives one reference back */
void atl_hall_wake(atl_hall *hall);
void atl_hall_tell_ended(atl_hall *hall); /* whoever waits for ends: some have come */
void atl_hall_nudge(atl_hall *hall);
void atl_list_append(atl_future_list *list, atl_future *future);
void atl_list_remove(atl_future *future);
/* Ends a future of whichever holder; it must be in no list. Returns it if nobody holds it: to be freed. */
atl_future *atl_hall_end(atl_hall *hall, atl_future *future, atl_future_state state);
/* Ends everything that waits in the queue as cancelled, for the hall's reason. */
void atl_hall_cancel_queue(atl_hall *hall);
void atl_future_free(atl_future *future); /* NULL: nothing. The caller holds the hall, too */

/* ---- the pool's thread ---- */

enum { ATL_LIVE_BUCKETS = 256, ATL_WHY_BYTES = 1024 };

typedef struct atl_pool_worker {
    atl_process process;
    atl_desk *desk; /* the process's; NULL: there was no room for one */
    atl_tray *tray; /* on which it lays pictures; NULL: they come as frames */
    bool alive;     /* there is a process, or one whose end dispatch was not told yet */
    bool ended;     /* the process ended; its last messages may still be on their way */
    bool left;      /* it said BYE or UNABLE */
    bool ours;      /* we killed it … */
    bool silent;    /* … because nothing at all was heard of it */
    bool hung_up;   /* after its end: its connection is gone, too */
    int wait_status;
    int64_t ended_ns;
    int64_t looked_ns; /* the last time, for that */
    bool has_peer, is_ready;
    atl_peer peer;
    atl_worker_phase phase;
    int64_t heard_ns;
    int64_t parts_by_ns;  /* of the clock: its socket is gone, and the process has so long to end; 0: it is
                             there */
    uint32_t n_seen;      /* steps, on its desk */
    uint64_t started_job; /* the future's handle and the lease's token, of what it took up last */
    uint64_t started_token;
    int64_t told_step_ns;    /* the step on its desk that was told of */
    uint64_t oom_kills;      /* of the control group, when it was started */
    char why[ATL_WHY_BYTES]; /* why it was ended by us, or what it died of */
} atl_pool_worker;

struct atl_executor {
    atl_hall *hall;
    pthread_t thread;
    atl_plan plan;
    /* copied options */
    char *model, *variant, *policy, *tokenizer_dir, *lora_dir, *networks, *pack_cache, *program, **extra_args;
    bool bind;
    atl_own_core own_core; /* the thread's that opened the pool */
    int batch_size;
    int64_t silence_patience_ns, start_patience_ns, compute_patience_ns;
    int64_t step_every_ns; /* 0: steps are not told */
    int nudge_fd;          /* -1: none */
    void (*on_event)(void *user, const atl_pool_event *event);
    void *user;
    /* the thread's */
    uint8_t run[16];
    char run_hex[33];
    int weights_fd; /* -1: each packs its own */
    atl_server *server;
    atl_dispatch *dispatch;
    atl_pool_worker *workers;
    int *fds; /* [2 + 2 n_workers]: wake, nudge, then pid and words of each */
    bool *readable;
    atl_future *live[ATL_LIVE_BUCKETS];
    uint64_t next_handle;
    atl_future *ended, **ended_end; /* to be published, in order */
    int64_t lost_ns;                /* of the clock: while the whole process was stopped */
    int64_t woke_ns;                /* the last time */
    int64_t doubt_ns;               /* since when a deadline is overdue; 0: none is */
    int64_t told_steps_ns;          /* when steps were last told of */
    bool nudge;                     /* whoever gathers is to look about, at the end of the turn */
    int64_t leave_by_ns;            /* after FINISHED: when workers that have not left are killed */
    bool pulling;                   /* dispatch waits for a job */
    uint32_t told_limit;
    bool told_paused, told_drain, told_end, finished, broken, killing;
    atl_message *message; /* the RESULT or FAILED that dispatch is being asked about */
    atl_frame *picture;
    int64_t received_ns, received_cpu_ns;
    atl_pool_counts counts;
};

/* weights_file.c: another number of the file, for this pool, out of the way of the children's own numbers.
 * Errors: ATL_USAGE (it is of another model, variant or policy), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_weights_file_use(atl_weights_file *file, const atl_executor *x, int *ret_fd, atl_note *note);

void *atl_pool_main(void *executor);

void atl_pool_free(atl_executor *x); /* executor_open.c: its thread has ended, or was never started */

/* executor_workers.c */
void atl_pool_spawn(atl_executor *x, uint32_t w);
void atl_pool_kill_worker(atl_executor *x, uint32_t w, const char *why);
/* What was said to it cannot have arrived. One whose socket is gone (ATL_NOT_FOUND) is ending by itself, and
 * its end says best what it died of: it is killed only if it is still there when a silent one would be. */
void atl_pool_unreachable(atl_executor *x, uint32_t w, atl_status status, const char *why);
void atl_pool_clear_table(atl_pool_worker *worker); /* desk and tray of a process that is no more */
/* Notes which processes ended, and tells dispatch of those whose last words were heard. */
void atl_pool_watch(atl_executor *x, int64_t now_ns);
int64_t atl_pool_watch_deadline_ns(const atl_executor *x);
size_t atl_pool_n_alive(const atl_executor *x);
void atl_pool_set_phase(atl_executor *x, uint32_t w, atl_worker_phase phase, const char *text);

/* executor_signs.c: what workers show rather than say. */
/* Tells dispatch of all signs of life, by its clock before the last `then_lost_ns` were taken from it. */
void atl_pool_look(atl_executor *x, int64_t then_lost_ns);
void atl_pool_tell_steps(atl_executor *x); /* reports those that are due */
int64_t atl_pool_steps_deadline_ns(const atl_executor *x);

/* executor_messages.c */
bool atl_pool_take_messages(atl_executor *x); /* false: there were too many for one turn */
atl_status atl_pool_send_job(atl_executor *x, const atl_action *action, atl_future *future);
atl_status atl_pool_recall_job(atl_executor *x, const atl_action *action, const atl_future *future);
void atl_pool_say(atl_executor *x, uint32_t w, atl_message_type type);

/* executor_loop.c */
int64_t atl_pool_now_ns(const atl_executor *x); /* dispatch's clock */
void atl_pool_tell(atl_executor *x, atl_event event);
void atl_pool_tell_limit(atl_executor *x, uint32_t limit); /* if dispatch was told another one */
void atl_pool_break(atl_executor *x, atl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void atl_pool_report(atl_executor *x, const atl_pool_event *event);
atl_future *atl_pool_find(const atl_executor *x, uint64_t handle);
/* Ends a live future: its callers are told at the end of the turn. */
void atl_pool_end_live(atl_executor *x, atl_future *future, atl_future_state state);

/* executor_actions.c */
/* Gives dispatch the next future of the queue, or promises to when there is one. */
void atl_pool_pull(atl_executor *x);
/* Does what dispatch says: actions cause events, which cause actions, one at a time, until it is quiet. */
void atl_pool_obey(atl_executor *x);

/* The `atelier` whose processes to start: this program, if it is that itself; else the installed one; else
 * what $PATH has. Uses `path` where it needs to. */
const char *atl_pool_find_program(char path[4096]);

#endif
