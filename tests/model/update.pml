/*
 * Update and rollback as a protocol: target (bootloader, application, updater) and gateway, with power cuts anywhere.
 *
 * The journal is one atomic register here: a cut leaves the old or the new record. That is what the mirrored journal
 * promises and what its own tests prove; this model asks whether the protocol above it is right.
 *
 * Images: V1 runs at first; V2 is the good release; VBAD boots and never confirms; VLOOP confirms itself and crashes in
 * every run after that; OLDER is signed with a lower security counter; FORGED has no valid signature. Slots may also be
 * BLANK or TORN. With -DFRESH nothing is confirmed yet: V1 is the only image, on trial.
 *
 * Safety   P1 something verified boots as long as a confirmed image survives     P2 nothing unverified runs
 *          P3 the active slot is never erased or programmed                       P5 at most STARTS starts of a trial
 *          P6 nothing below the floor runs, and the active image is never below   P9 no erase for a refused release
 *          P10 a rejected image is not accepted again, but on the operator's word, once for each number
 *          P16 a crashing image is left once, for one that had been confirmed, and there is no way back to it
 *          P17 what the target calls pending is verified
 *          P18 an image is rejected only if another one can boot
 *          P19 and only for FAILS failed runs or STARTS starts: losses of power alone are not the image's fault
 * Liveness quiet -> <> done: once cuts and bad offers end, V2 ends up confirmed and running.
 *
 * Each MUTANT_... below is a bug that some property must catch (run_model.sh).
 */
#ifndef MAX_CUTS
#define MAX_CUTS 4
#endif
#define FAILS 2   /* failed runs of a trial; 3 on the target, and two tell all there is to tell */
#define STARTS 4  /* 16 on the target */
#define CRASHES 2 /* in a row, before the confirmed image is left; 5 on the target */

mtype:image = { BLANK, TORN, V1, V2, VBAD, VLOOP, OLDER, FORGED };
mtype:state = { EMPTY, RECEIVING, PENDING, TRIAL, CONFIRMED, REJECTED, RESORT };

#define OTHER (1 - home)
#define IS_SIGNED(i) ((i) == V1 || (i) == V2 || (i) == VBAD || (i) == VLOOP || (i) == OLDER)
#define COUNTER(i) ((i) == OLDER -> 0 : ((i) == V1 -> 1 : 2))
#define VALID(i) (IS_SIGNED(i) && COUNTER(i) >= floor)

/* Flash: what survives. */
mtype:image slot[2];
byte home = 0; /* the active slot, or that of the only image */
mtype:state home_state = CONFIRMED;
mtype:state other = EMPTY;
mtype:image other_image = BLANK; /* digest that `other` speaks of */
byte fails = 0;                  /* left, of the slot on trial */
byte starts = 0;
byte floor = 1;
mtype:image rejected = BLANK;    /* digest remembered */
byte retry_seen = 0;             /* highest number that lifted a rejection */

/* RAM: a loss of power clears it. */
byte crashes = 0;                /* of the confirmed image, in a row */
bool failed = false;             /* a watchdog ended a run of an image that is not confirmed */

/* The world. */
byte cuts = 0;
bool quiet = false;
byte rots = 0;        /* slots that lost a bit at rest */
byte retry = 0;       /* the operator's number: try a rejected image again */

/* Observers. */
byte runs_of_trial = 0;
byte failed_runs = 0;            /* of the trial, whether anybody noticed or not */
byte lifts = 0;                  /* rejections that the operator ended */
mtype:image bad = BLANK;         /* rejected last, and no other was confirmed since */
bool done = false;
mtype:image running = BLANK;
bool was_confirmed = false;      /* what `other` speaks of has been confirmed */
bool has_fallen = false;         /* back because of crashes, since the last confirm */

#define CUT if :: !quiet && cuts < MAX_CUTS -> atomic { cuts++; crashes = 0; failed = false; } goto reset :: skip fi

/* The floor follows the confirmed image that runs, and only when its fallback is about to go. */
#define FLOOR (home_state == CONFIRMED && running == slot[home] && IS_SIGNED(running) && COUNTER(running) > floor -> COUNTER(running) : floor)

#define HOME_BOOTS ((home_state == CONFIRMED || home_state == RESORT) && VALID(slot[home]))
#define OTHER_IS_GOOD (slot[OTHER] == other_image && VALID(slot[OTHER]))

#ifdef MUTANT_CRASH_TO_ANY
#define IS_CRASH_LOOP (crashes >= CRASHES && VALID(slot[OTHER]))
#else
#define IS_CRASH_LOOP (crashes >= CRASHES && other == CONFIRMED && slot[OTHER] == other_image && VALID(slot[OTHER]))
#endif

proctype target()
{
    mtype:image offer;
    byte where;
    bool accepted;

reset:
    running = BLANK; offer = BLANK; where = 0; accepted = false;
#ifdef ROT
    if
    :: !quiet && rots == 0 -> atomic { rots = 1; slot[home] = TORN; }
    :: skip
    fi;
#endif

boot:
    /* A trial that has used up its failed runs or its starts. A reset before its first start was not its own. */
    if
    :: (other == TRIAL || home_state == TRIAL) && starts < STARTS && failed ->
#ifndef MUTANT_EVERY_RESET_IS_A_FAILED_RUN
        atomic { failed = false; fails--; }
#else
        failed = false
#endif
    :: else
    fi;
#ifdef MUTANT_EVERY_RESET_IS_A_FAILED_RUN
    if
    :: (other == TRIAL || home_state == TRIAL) && starts < STARTS && fails > 0 -> fails--
    :: else
    fi;
#endif
    if
    :: other == TRIAL && (fails == 0 || starts == 0) ->
        if
#ifndef MUTANT_REJECT_THE_ONLY_IMAGE
        :: !HOME_BOOTS -> other = RESORT
        :: HOME_BOOTS ->
#else
        :: true ->
#endif
            assert(HOME_BOOTS);                                          /* P18 */
            assert(failed_runs >= FAILS || starts == 0);                 /* P19 */
            atomic { rejected = other_image; bad = other_image; other = REJECTED; }
        fi;
        CUT
    :: other != TRIAL && home_state == TRIAL && (fails == 0 || starts == 0) ->
#ifndef MUTANT_REJECT_THE_ONLY_IMAGE
        home_state = RESORT;
#else
        atomic { assert(false); home_state = REJECTED; } /* P18 */
#endif
        CUT
    :: else
    fi;
    if
    :: other == TRIAL && OTHER_IS_GOOD ->
        where = OTHER;
#ifndef MUTANT_COUNT_AFTER_RUN
        starts--;
        CUT;
#endif
#ifdef MUTANT_FLOOR_BEFORE_CONFIRM
        floor = COUNTER(slot[where]);
        CUT;
#endif
        runs_of_trial++;
        assert(runs_of_trial <= STARTS); /* P5 */
    :: other == TRIAL && !OTHER_IS_GOOD ->
        /* It was good when it was received: decay, and it may be sent again. */
        atomic { other = EMPTY; other_image = BLANK; fails = 0; starts = 0; }
        CUT;
        goto boot
    :: other != TRIAL && home_state == TRIAL && VALID(slot[home]) ->
        where = home;
        starts--;
        CUT
    :: other != TRIAL && home_state == CONFIRMED && IS_CRASH_LOOP ->
        assert(!has_fallen);   /* P16: once */
        assert(was_confirmed); /* P16: for an image that had proved itself */
#ifdef MUTANT_CRASH_PINGPONG
        atomic { other_image = slot[home]; home = OTHER; has_fallen = true; }
#else
        atomic { rejected = slot[home]; bad = slot[home]; other_image = slot[home]; home = OTHER; other = REJECTED; has_fallen = true; was_confirmed = false; }
#endif
        CUT;
        goto boot
    :: other != TRIAL && home_state == CONFIRMED && !IS_CRASH_LOOP && VALID(slot[home]) ->
        where = home
#ifdef MUTANT_FALLBACK_ANY_SIGNED
    :: other != TRIAL && !VALID(slot[home]) && VALID(slot[OTHER]) ->
        where = OTHER
#else
    :: other == CONFIRMED && !VALID(slot[home]) && OTHER_IS_GOOD ->
        /* The active slot rotted: the other confirmed image takes its place. */
        atomic { home = OTHER; home_state = CONFIRMED; other = EMPTY; other_image = BLANK; was_confirmed = false; }
        CUT;
        goto boot
#endif
    :: other != TRIAL && home_state == RESORT && VALID(slot[home]) ->
        /* The last resort: the loader first, then the image; no record. */
        if
        :: where = home
        :: goto loader
        fi
    :: other == RESORT && !VALID(slot[home]) && OTHER_IS_GOOD ->
        if
        :: where = OTHER
        :: goto loader
        fi
    :: else ->
        assert(rots > 0); /* P1: without rot there is always something to boot */
        goto loader
    fi;

    running = slot[where];
    assert(IS_SIGNED(running));            /* P2 */
    assert(COUNTER(running) >= floor);     /* P6 */
    assert(!(running == bad && where != home)); /* P10: a rejected image does not boot from the other slot */
    CUT;

    /* The application: what is not confirmed confirms itself if it is good. */
    if
    :: where != home && running != VBAD ->
        atomic {
            if
            :: home_state == CONFIRMED -> other = CONFIRMED
            :: else -> other = RESORT
            fi;
            was_confirmed = (other == CONFIRMED);
            home = where;
            home_state = CONFIRMED;
            other_image = slot[OTHER];
            fails = 0;
            starts = 0;
#ifndef MUTANT_CONFIRM_KEEPS_REJECTION
            rejected = BLANK; /* another image is confirmed: the rejected one may be offered again */
#endif
            bad = BLANK;
            runs_of_trial = 0;
            failed_runs = 0;
            crashes = 0;
            failed = false;
            has_fallen = false;
        }
        assert(COUNTER(slot[home]) >= floor); /* P6 */
        CUT
    :: where != home && running == VBAD ->
#ifdef MUTANT_COUNT_AFTER_RUN
        CUT;
        starts--;
#endif
        atomic {
            if
            :: other == TRIAL -> failed_runs++; failed = true
            :: else /* the last resort: nothing counts it */
            fi
        }
        goto reset /* watchdog */
    :: where == home && home_state != CONFIRMED ->
        atomic { home_state = CONFIRMED; rejected = BLANK; bad = BLANK; fails = 0; starts = 0; failed = false; }
        CUT
    :: where == home && home_state == CONFIRMED && running == VLOOP ->
        if
        :: !quiet && crashes < CRASHES -> crashes++; goto reset /* watchdog or fault: RAM keeps the count */
        :: running = BLANK; goto loader /* the gateway finds no agent and asks for the loader */
        fi
    :: where == home && home_state == CONFIRMED && running != VLOOP -> crashes = 0 /* sign of health */
    fi;

    if
    :: running == V2 && where == home -> done = true
    :: else
    fi;

loader:
    /* The gateway offers something; the target decides by the signed statement before it erases. */
    do
    :: done -> progress_idle: skip; CUT
    :: !done ->
        if
        :: !quiet -> offer = VBAD
        :: !quiet -> offer = VLOOP
        :: !quiet -> offer = OLDER
        :: !quiet -> offer = FORGED
        :: offer = V2
        fi;
        accepted = IS_SIGNED(offer) && COUNTER(offer) >= FLOOR;
        /* A supply that fails in each of sixteen starts rejects a good image too: then it takes the operator's word. */
        if
        :: retry > retry_seen ->
            atomic {
                lifts++;
                rejected = BLANK;
                bad = BLANK;
#ifndef MUTANT_RETRY_WITHOUT_MEMORY
                retry_seen = retry;
#endif
            }
            assert(lifts <= retry) /* P10: once for each number */
        :: else
        fi;
#ifndef MUTANT_FORGET_REJECTED
        accepted = accepted && offer != rejected;
#endif
#ifdef MUTANT_ERASE_UNCHECKED
        accepted = true;
#endif
        if
        :: !accepted -> CUT
        :: accepted ->
            where = OTHER;
#ifdef MUTANT_ERASE_ACTIVE
            where = home;
#endif
#ifdef MUTANT_OFFER_ENDS_REJECTION
            rejected = BLANK;
#endif
            atomic {
                floor = FLOOR;
                other = RECEIVING;
                other_image = offer;
                if
                :: home_state != TRIAL -> fails = 0; starts = 0
                :: else
                fi;
                was_confirmed = false;
            }
            assert(!VALID(slot[home]) || COUNTER(slot[home]) >= floor); /* P6: never above what is still needed */
            CUT;
            assert(where != home);                                 /* P3 */
            assert(IS_SIGNED(offer) && COUNTER(offer) >= floor);     /* P9 */
            assert(offer != bad);                                    /* P10 */
            slot[where] = TORN; /* the erase has begun */
            CUT;
            slot[where] = BLANK;
            CUT;
            slot[where] = TORN; /* programming */
            CUT;
            if
            :: slot[where] = offer
            :: !quiet -> slot[where] = FORGED /* damaged on the wire */
            fi;
            CUT;
            /* Finish: the slot is verified in flash. */
            if
#ifndef MUTANT_FINISH_UNVERIFIED
            :: slot[where] != other_image || !VALID(slot[where]) ->
                CUT /* received again from the first byte */
            :: else ->
#else
            :: true ->
#endif
                assert(slot[where] == other_image && VALID(slot[where])); /* P17: pending means verified */
                other = PENDING;
                CUT;
                atomic {
                    other = TRIAL;
                    fails = FAILS;
                    starts = STARTS;
                    runs_of_trial = 0;
                    failed_runs = 0;
                    if
                    :: home_state == TRIAL -> home_state = RESORT /* the new one goes first, this is its way back */
                    :: else
                    fi
                }
                goto reset
            fi
        fi
    od
}

proctype world()
{
    quiet = true;
#ifndef MUTANT_NO_RETRY
    retry = 1
#endif
}

init {
    atomic {
        slot[0] = V1;
        slot[1] = BLANK;
#ifdef FRESH
        home_state = TRIAL; fails = FAILS; starts = STARTS;
#endif
        run target();
        run world()
    }
}

ltl settles { [] (quiet -> <> done) }
