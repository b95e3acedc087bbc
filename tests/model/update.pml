/*
 * Update and rollback as a protocol: target (bootloader, application, updater) and gateway, with power cuts anywhere.
 *
 * The journal is one atomic register here: a cut leaves the old or the new record. That is what the mirrored journal
 * promises and what its own tests prove; this model asks whether the protocol above it is right.
 *
 * Images: V1 runs at first; V2 is the good release; VBAD boots and never confirms; VLOOP confirms itself and crashes in
 * every run after that; OLDER is signed with a lower security counter; FORGED has no valid signature. Slots may also be
 * BLANK or TORN. A release published again after a rejection has another digest: for that stands `retry`.
 *
 * Safety   P1 something verified boots as long as a confirmed image survives     P2 nothing unverified runs
 *          P3 the active slot is never erased or programmed                       P5 at most 3 runs of a trial
 *          P6 nothing below the floor runs, and the active image is never below   P9 no erase for a refused release
 *          P10 a rejected image is not accepted again, but on the operator's word
 *          P16 a crashing image is left once, for one that had been confirmed, and there is no way back to it
 *          P17 what the target calls pending is verified
 * Liveness quiet -> <> done: once cuts and bad offers end, V2 ends up confirmed and running.
 *
 * Each MUTANT_... below is a bug that some property must catch (run_model.sh).
 */
#ifndef MAX_CUTS
#define MAX_CUTS 4
#endif
#define TRIES 3
#define CRASHES 2 /* in a row, before the confirmed image is left; 5 on the target, and two tell all there is to tell */

mtype:image = { BLANK, TORN, V1, V2, VBAD, VLOOP, OLDER, FORGED };
mtype:state = { EMPTY, RECEIVING, PENDING, TRIAL, CONFIRMED, REJECTED };

#define OTHER (1 - home)
#define IS_SIGNED(i) ((i) == V1 || (i) == V2 || (i) == VBAD || (i) == VLOOP || (i) == OLDER)
#define COUNTER(i) ((i) == OLDER -> 0 : ((i) == V1 -> 1 : 2))
#define VALID(i) (IS_SIGNED(i) && COUNTER(i) >= floor)

/* Flash: what survives. */
mtype:image slot[2];
byte home = 0; /* the active (confirmed) slot */
mtype:state other = EMPTY;
mtype:image other_image = BLANK; /* digest that `other` speaks of */
byte tries = 0;
byte floor = 1;
mtype:image rejected = BLANK;    /* digest remembered */
byte crashes = 0;                /* in a row; in RAM, so a loss of power starts from 0 */

/* The world. */
byte cuts = 0;
bool quiet = false;
byte rots = 0;        /* slots that lost a bit at rest */
bool retry = false;   /* the operator says: try a rejected image again */

/* Observers. */
byte runs_of_trial = 0;
bool done = false;
mtype:image running = BLANK;
bool was_confirmed = false;      /* what `other` speaks of has been confirmed */
bool has_fallen = false;         /* back because of crashes, since the last confirm */

#define CUT if :: !quiet && cuts < MAX_CUTS -> atomic { cuts++; crashes = 0; } goto reset :: skip fi

/* The floor follows the confirmed image that runs, and only when its fallback is about to go. */
#define FLOOR (running == slot[home] && IS_SIGNED(running) && COUNTER(running) > floor -> COUNTER(running) : floor)

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
    if
    :: other == TRIAL && tries == 0 ->
        atomic { rejected = other_image; other = REJECTED; }
        CUT
    :: else
    fi;
    if
    :: other == TRIAL && slot[OTHER] == other_image && VALID(slot[OTHER]) ->
        where = OTHER;
#ifndef MUTANT_COUNT_AFTER_RUN
        tries--;
        CUT;
#endif
#ifdef MUTANT_FLOOR_BEFORE_CONFIRM
        floor = COUNTER(slot[where]);
        CUT;
#endif
        runs_of_trial++;
        assert(runs_of_trial <= TRIES); /* P5 */
    :: other == TRIAL && !(slot[OTHER] == other_image && VALID(slot[OTHER])) ->
        /* It was good when it was received: decay, and it may be sent again. */
        atomic { other = EMPTY; other_image = BLANK; tries = 0; }
        CUT;
        goto boot
    :: other != TRIAL && IS_CRASH_LOOP ->
        assert(!has_fallen);   /* P16: once */
        assert(was_confirmed); /* P16: for an image that had proved itself */
#ifdef MUTANT_CRASH_PINGPONG
        atomic { other_image = slot[home]; home = OTHER; has_fallen = true; }
#else
        atomic { rejected = slot[home]; other_image = slot[home]; home = OTHER; other = REJECTED; has_fallen = true; was_confirmed = false; }
#endif
        CUT;
        goto boot
    :: other != TRIAL && !IS_CRASH_LOOP && VALID(slot[home]) ->
        where = home
#ifdef MUTANT_FALLBACK_ANY_SIGNED
    :: other != TRIAL && !VALID(slot[home]) && VALID(slot[OTHER]) ->
        where = OTHER
#else
    :: other == CONFIRMED && !VALID(slot[home]) && slot[OTHER] == other_image && VALID(slot[OTHER]) ->
        /* The active slot rotted: the other confirmed image takes its place. */
        atomic { home = OTHER; other = EMPTY; other_image = BLANK; was_confirmed = false; }
        CUT;
        goto boot
#endif
    :: else ->
        assert(rots > 0); /* P1: without rot there is always something to boot */
        goto loader
    fi;

    running = slot[where];
    assert(IS_SIGNED(running));            /* P2 */
    assert(COUNTER(running) >= floor);     /* P6 */
    assert(!(running == rejected && where != home)); /* P10: a rejected image does not boot from the other slot */
    CUT;

    /* The application: a trial confirms if it is good. */
    if
    :: where != home && running != VBAD ->
        atomic {
            home = where;
            other = CONFIRMED;
            other_image = slot[OTHER];
            tries = 0;
            rejected = BLANK; /* another image is confirmed: the rejected one may be offered again */
            runs_of_trial = 0;
            crashes = 0;
            was_confirmed = true;
            has_fallen = false;
        }
        assert(COUNTER(slot[home]) >= floor); /* P6 */
        CUT
    :: where != home && running == VBAD ->
#ifdef MUTANT_COUNT_AFTER_RUN
        CUT;
        tries--;
#endif
        goto reset /* watchdog */
    :: where == home && running == VLOOP ->
        if
        :: !quiet && crashes < CRASHES -> crashes++; goto reset /* watchdog or fault: RAM keeps the count */
        :: running = BLANK; goto loader /* the gateway finds no agent and asks for the loader */
        fi
    :: where == home && running != VLOOP -> crashes = 0 /* sign of health */
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
        /* Three cuts in three trial runs reject a good image too: then it takes the operator's word. */
        if
        :: retry -> atomic { rejected = BLANK; retry = false; }
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
            atomic { floor = FLOOR; other = RECEIVING; other_image = offer; tries = 0; was_confirmed = false; }
            assert(!VALID(slot[home]) || COUNTER(slot[home]) >= floor); /* P6: never above what is still needed */
            CUT;
            assert(where != home);                                 /* P3 */
            assert(IS_SIGNED(offer) && COUNTER(offer) >= floor);     /* P9 */
            assert(offer != rejected);                               /* P10 */
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
                atomic { other = TRIAL; tries = TRIES; runs_of_trial = 0; }
                goto reset
            fi
        fi
    od
}

proctype world()
{
    quiet = true;
#ifndef MUTANT_NO_RETRY
    retry = true
#endif
}

init {
    atomic {
        slot[0] = V1;
        slot[1] = BLANK;
        run target();
        run world()
    }
}

ltl settles { [] (quiet -> <> done) }
