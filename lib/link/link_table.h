/**
 * The state table of the slave, one row per pair of state and event: X(state, event, action, next).
 * Included by link_slave.c, by the test that checks it and by the one that checks docs/spec/link.md against
 * it.
 */
#ifndef LINK_LINK_TABLE_H
#define LINK_LINK_TABLE_H

/* States. */
#define LINK_STATES(X)                                                                                       \
    X(IDLE, "between commands: everything but 5A is dropped")                                                \
    X(STAGE, "counts the bytes of one stage: frame, address, length, data, sector list, request")            \
    X(WORK, "the answer is not final: the owner works, received bytes are dropped")                          \
    X(ACK, "79 is presented until the host's 79")                                                            \
    X(NACK, "1F is presented until the host's 79, or 5A of its next command")                                \
    X(DATA, "counts the dummy and the data bytes that the host clocks")

/* Events: of a received byte (SOF .. FULL), of a judgement or the
 * owner's result (PASS .. END), of the clock. */
#define LINK_EVENTS(X)                                                                                       \
    X(SOF, "byte 5A")                                                                                        \
    X(ECHO, "byte 79")                                                                                       \
    X(BYTE, "any other byte")                                                                                \
    X(SLIP, "a sync whose bits lie across two bytes: a clock edge too many or too few")                      \
    X(MORE, "counted bytes, and more to come")                                                               \
    X(FULL, "the last counted byte")                                                                         \
    X(PASS, "in order, or done")                                                                             \
    X(FAIL, "malformed or not allowed, or failed")                                                           \
    X(RUN, "complete: the owner's turn")                                                                     \
    X(SEND, "an answer is to be read after a dummy")                                                         \
    X(REPLY, "a vendor reply is ready")                                                                      \
    X(END, "command finished")                                                                               \
    X(SILENCE, "no byte for LINK_SILENCE_MS")                                                                \
    X(GONE, "no byte for LINK_GONE_MS: the next host is another one")

/* Actions. ILLEGAL is the answer to a pair that cannot occur: the named error E_STATE. */
#define LINK_ACTIONS(X)                                                                                      \
    X(NONE)                                                                                                  \
    X(ILLEGAL)                                                                                               \
    X(START)                                                                                                 \
    X(RESTART)                                                                                               \
    X(JUDGE)                                                                                                 \
    X(PRESENT_ACK)                                                                                           \
    X(PRESENT_NACK)                                                                                          \
    X(HAND_OUT)                                                                                              \
    X(ADVANCE)                                                                                               \
    X(TRANSMIT)                                                                                              \
    X(CLOSE_DATA)                                                                                            \
    X(REST)

#define LINK_TABLE(X)                                                                                        \
    X(IDLE, SOF, START, STAGE)                                                                               \
    X(IDLE, ECHO, NONE, IDLE)                                                                                \
    X(IDLE, BYTE, NONE, IDLE)                                                                                \
    X(IDLE, SLIP, RESTART, STAGE)                                                                            \
    X(IDLE, MORE, ILLEGAL, IDLE)                                                                             \
    X(IDLE, FULL, ILLEGAL, IDLE)                                                                             \
    X(IDLE, PASS, ILLEGAL, IDLE)                                                                             \
    X(IDLE, FAIL, ILLEGAL, IDLE)                                                                             \
    X(IDLE, RUN, ILLEGAL, IDLE)                                                                              \
    X(IDLE, SEND, ILLEGAL, IDLE)                                                                             \
    X(IDLE, REPLY, ILLEGAL, IDLE)                                                                            \
    X(IDLE, END, ILLEGAL, IDLE)                                                                              \
    X(IDLE, SILENCE, NONE, IDLE)                                                                             \
    X(IDLE, GONE, NONE, IDLE)                                                                                \
    X(STAGE, SOF, ILLEGAL, STAGE)                                                                            \
    X(STAGE, ECHO, ILLEGAL, STAGE)                                                                           \
    X(STAGE, BYTE, ILLEGAL, STAGE)                                                                           \
    X(STAGE, SLIP, ILLEGAL, STAGE)                                                                           \
    X(STAGE, MORE, NONE, STAGE)                                                                              \
    X(STAGE, FULL, JUDGE, WORK)                                                                              \
    X(STAGE, PASS, ILLEGAL, STAGE)                                                                           \
    X(STAGE, FAIL, ILLEGAL, STAGE)                                                                           \
    X(STAGE, RUN, ILLEGAL, STAGE)                                                                            \
    X(STAGE, SEND, ILLEGAL, STAGE)                                                                           \
    X(STAGE, REPLY, ILLEGAL, STAGE)                                                                          \
    X(STAGE, END, ILLEGAL, STAGE)                                                                            \
    X(STAGE, SILENCE, REST, IDLE)                                                                            \
    X(STAGE, GONE, REST, IDLE)                                                                               \
    X(WORK, SOF, NONE, WORK)                                                                                 \
    X(WORK, ECHO, NONE, WORK)                                                                                \
    X(WORK, BYTE, NONE, WORK)                                                                                \
    X(WORK, SLIP, NONE, WORK)                                                                                \
    X(WORK, MORE, NONE, STAGE)                                                                               \
    X(WORK, FULL, ILLEGAL, WORK)                                                                             \
    X(WORK, PASS, PRESENT_ACK, ACK)                                                                          \
    X(WORK, FAIL, PRESENT_NACK, NACK)                                                                        \
    X(WORK, RUN, HAND_OUT, WORK)                                                                             \
    X(WORK, SEND, TRANSMIT, DATA)                                                                            \
    X(WORK, REPLY, TRANSMIT, IDLE)                                                                           \
    X(WORK, END, REST, IDLE)                                                                                 \
    X(WORK, SILENCE, NONE, WORK)                                                                             \
    X(WORK, GONE, NONE, WORK)                                                                                \
    X(ACK, SOF, NONE, ACK)                                                                                   \
    X(ACK, ECHO, ADVANCE, WORK)                                                                              \
    X(ACK, BYTE, NONE, ACK)                                                                                  \
    X(ACK, SLIP, RESTART, STAGE)                                                                             \
    X(ACK, MORE, ILLEGAL, ACK)                                                                               \
    X(ACK, FULL, ILLEGAL, ACK)                                                                               \
    X(ACK, PASS, ILLEGAL, ACK)                                                                               \
    X(ACK, FAIL, ILLEGAL, ACK)                                                                               \
    X(ACK, RUN, ILLEGAL, ACK)                                                                                \
    X(ACK, SEND, ILLEGAL, ACK)                                                                               \
    X(ACK, REPLY, ILLEGAL, ACK)                                                                              \
    X(ACK, END, ILLEGAL, ACK)                                                                                \
    X(ACK, SILENCE, NONE, ACK)                                                                               \
    X(ACK, GONE, REST, IDLE)                                                                                 \
    X(NACK, SOF, START, STAGE)                                                                               \
    X(NACK, ECHO, REST, IDLE)                                                                                \
    X(NACK, BYTE, NONE, NACK)                                                                                \
    X(NACK, SLIP, RESTART, STAGE)                                                                            \
    X(NACK, MORE, ILLEGAL, NACK)                                                                             \
    X(NACK, FULL, ILLEGAL, NACK)                                                                             \
    X(NACK, PASS, ILLEGAL, NACK)                                                                             \
    X(NACK, FAIL, ILLEGAL, NACK)                                                                             \
    X(NACK, RUN, ILLEGAL, NACK)                                                                              \
    X(NACK, SEND, ILLEGAL, NACK)                                                                             \
    X(NACK, REPLY, ILLEGAL, NACK)                                                                            \
    X(NACK, END, ILLEGAL, NACK)                                                                              \
    X(NACK, SILENCE, NONE, NACK)                                                                             \
    X(NACK, GONE, REST, IDLE)                                                                                \
    X(DATA, SOF, ILLEGAL, DATA)                                                                              \
    X(DATA, ECHO, ILLEGAL, DATA)                                                                             \
    X(DATA, BYTE, ILLEGAL, DATA)                                                                             \
    X(DATA, SLIP, ILLEGAL, DATA)                                                                             \
    X(DATA, MORE, NONE, DATA)                                                                                \
    X(DATA, FULL, CLOSE_DATA, WORK)                                                                          \
    X(DATA, PASS, ILLEGAL, DATA)                                                                             \
    X(DATA, FAIL, ILLEGAL, DATA)                                                                             \
    X(DATA, RUN, ILLEGAL, DATA)                                                                              \
    X(DATA, SEND, ILLEGAL, DATA)                                                                             \
    X(DATA, REPLY, ILLEGAL, DATA)                                                                            \
    X(DATA, END, ILLEGAL, DATA)                                                                              \
    X(DATA, SILENCE, REST, IDLE)                                                                             \
    X(DATA, GONE, REST, IDLE)

#define LINK_ENUM_STATE(id, text) LINK_STATE_##id,
#define LINK_ENUM_EVENT(id, text) LINK_EVENT_##id,
#define LINK_ENUM_ACTION(id)      LINK_ACTION_##id,

enum link_state { LINK_STATES(LINK_ENUM_STATE) LINK_N_STATES };
enum link_event { LINK_EVENTS(LINK_ENUM_EVENT) LINK_N_EVENTS, LINK_EVENT_HANDLED = LINK_N_EVENTS };
enum link_action { LINK_ACTIONS(LINK_ENUM_ACTION) LINK_N_ACTIONS };

/* What the bytes of a stage are. No stages: ANSWER, data at once; NEVER, refused; RUN, the owner's turn. */
enum link_step {
    LINK_STEP_NONE,
    LINK_STEP_FRAME,
    LINK_STEP_ADDRESS,
    LINK_STEP_READ_LENGTH,
    LINK_STEP_WRITE,
    LINK_STEP_ERASE_COUNT,
    LINK_STEP_ERASE_LIST,
    LINK_STEP_REQUEST,
    LINK_STEP_RUN,
    LINK_STEP_ANSWER,
    LINK_STEP_NEVER
};

#endif
