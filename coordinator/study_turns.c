/* study_turns.c - what a study's windows and a comparison's batches have alike: the series of a round take
 * turns in an order of that round's own, and what is flawed is measured again; see study_private.h. */
#include "study_private.h"

atl_status atl_study_each_series(atl_studier *s, int round, atl_study_series_fn run, void *user,
                                 atl_note *note)
{
    int order[ATL_STUDY_MAX_SERIES];
    atl_status st = ATL_OK;
    for (int i = 0; i < s->n_series; i++)
        order[i] = i;
    atl_study_shuffle(order, s->n_series, s->options->seed + (uint64_t)round);
    for (int i = 0; st == ATL_OK && i < s->n_series; i++)
        st = run(s, order[i], round, user, note);
    return st;
}

static atl_status measure_once(atl_studier *s, const atl_study_turn *turn, int attempt, atl_note *note)
{
    const atl_study_config *c = &turn->config;
    atl_study_window window = {0};
    atl_status st = atl_study_pool_use(s, turn->series, note);
    if (st == ATL_OK)
        st = turn->run(s, c, turn->sequence, &window, note);
    if (st != ATL_OK)
        return st;
    window.round = turn->round;
    window.sequence = turn->sequence;
    window.attempt = attempt;
    s->view.last_images_per_hour = window.images_per_hour;
    if (!window.valid)
        atl_study_say(s, "%s %d (%d worker%s x %d) is flawed: %s%s", turn->word, turn->sequence, c->workers,
                      c->workers == 1 ? "" : "s", c->threads, window.flaws,
                      attempt < ATL_STUDY_MAX_ATTEMPTS ? " It is measured again." : "");
    st = atl_study_record_raw(s, turn->sequence, note);
    return st == ATL_OK ? atl_study_record_window(s, &window, note) : st;
}

atl_status atl_study_take_turn(atl_studier *s, const atl_study_turn *turn, atl_note *note)
{
    int attempts = 0;
    atl_status st = ATL_OK;
    while (st == ATL_OK && !atl_study_record_has(s, turn->sequence, &attempts)) {
        s->view.config = &turn->config;
        s->view.word = turn->word;
        st = measure_once(s, turn, attempts + 1, note);
    }
    return st;
}
