/* The codec: round trips, lengths, checksums, and what a damaged packet may never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "link/link_codec.h"

static void blocks_survive_the_wire(void **state)
{
    (void)state;
    uint8_t wire[LINK_INFO_BLOCK_BYTES];
    struct link_session session = {FOTA_OK, SLOT_B, 0x01020304, 0x08080000, 0x5FFFC, 0x20000, 4096}, session2;
    link_session_store(wire, &session);
    assert_int_equal(link_session_load(wire, LINK_SESSION_BLOCK_BYTES, &BOARD_OWN, &session2), FOTA_OK);
    assert_int_equal(session2.session_id, session.session_id);
    assert_int_equal(session2.resume_off, session.resume_off);
    assert_int_equal(session2.block_max_bytes, session.block_max_bytes);
    struct link_progress progress = {E_FLASH_VERIFY, 0x11223344, 0x11220000}, progress2;
    link_progress_store(wire, &progress);
    assert_int_equal(link_progress_load(wire, LINK_PROGRESS_BLOCK_BYTES, &progress2), FOTA_OK);
    assert_memory_equal(&progress, &progress2, sizeof progress);
    struct link_info info = {.loader = LINK_LOADER_LOADER,
                             .vendor_version = LINK_VENDOR_VERSION,
                             .chip_id = 0x413},
                     info2;
    uint8_t *boot = (uint8_t *)&info.boot;
    for (size_t i = 0; i < sizeof info.boot; i++) {
        boot[i] = (uint8_t)(i + 1);
    }
    link_info_store(wire, &info);
    assert_int_equal(link_info_load(wire, LINK_INFO_BLOCK_BYTES, &info2), FOTA_OK);
    assert_memory_equal(&info.boot, &info2.boot, sizeof info.boot);
}

static void info_fields_stand_where_the_spec_puts_them(void **state)
{
    (void)state;
    uint8_t wire[LINK_INFO_BLOCK_BYTES];
    struct link_info info = {
        .loader = LINK_LOADER_AGENT, .protocol = 0x11, .vendor_version = 1, .chip_id = 0x413};
    info.boot.bootloader_version = 0x01020304;
    info.boot.tries_left = 2;
    info.boot.security_floor = 0x0A0B0C0D;
    info.boot.slot_version[1] = 0x02000007;
    info.boot.slot_hash[1][7] = 0xD7;
    info.boot.last_reason = 0x0208;
    info.boot.session_flashed = 0x00012345;
    memcpy(info.boot.hw_id, "f407-discovery", 14);
    link_info_store(wire, &info);
    assert_int_equal(wire[8], 0x01);
    assert_int_equal(wire[21], 2);
    assert_int_equal(wire[28], 0x0A);
    assert_int_equal(wire[36], 0x02);
    assert_int_equal(wire[55], 0xD7);
    assert_int_equal(wire[80] << 8 | wire[81], 0x0208);
    assert_int_equal(wire[89] << 16 | wire[90] << 8 | wire[91], 0x012345);
    assert_memory_equal(wire + 100, "f407-discovery\0", 16);
}

static void wrong_lengths_and_values_are_refused_and_leave_the_output_alone(void **state)
{
    (void)state;
    uint8_t wire[LINK_INFO_BLOCK_BYTES] = {0};
    struct link_session session = {.image_bytes = 7};
    struct link_progress progress = {.accepted_off = 7};
    struct link_info info = {.chip_id = 7};
    for (size_t n = 0; n <= LINK_INFO_BLOCK_BYTES; n++) {
        if (n != LINK_SESSION_BLOCK_BYTES) {
            assert_int_equal(link_session_load(wire, n, &BOARD_OWN, &session), E_LINK_REPLY);
        }
        if (n != LINK_PROGRESS_BLOCK_BYTES) {
            assert_int_equal(link_progress_load(wire, n, &progress), E_LINK_REPLY);
        }
        assert_int_equal(link_info_load(wire, n, &info), E_LINK_REPLY); /* loader 0 does not exist */
    }
    struct link_session bad[] = {
        {FOTA_OK, 2, 1, 0x08080000, 1024, 0, 4096},    {FOTA_OK, 1, 1, 0x08080000, 0x60001, 0, 4096},
        {FOTA_OK, 1, 1, 0x08080000, 1024, 1025, 4096}, {FOTA_OK, 1, 1, 0x08080000, 1024, 0, 0},
        {FOTA_OK, 1, 1, 0x08080000, 1024, 0, 4097},    {FOTA_OK, 1, 1, 0x08080000, 1024, 0, 4094},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        link_session_store(wire, &bad[i]);
        assert_int_equal(link_session_load(wire, LINK_SESSION_BLOCK_BYTES, &BOARD_OWN, &session),
                         E_LINK_REPLY);
    }
    assert_int_equal(session.image_bytes, 7);
    assert_int_equal(progress.accepted_off, 7);
    assert_int_equal(info.chip_id, 7);
}

static void every_flipped_bit_of_a_packet_is_noticed(void **state)
{
    (void)state;
    uint8_t packet[40 + LINK_PACKET_OVERHEAD_BYTES], body[40];
    size_t n_body = 0;
    memset(body, 0x6B, sizeof body);
    size_t n_bytes = link_packet_store(packet, body, sizeof body);
    assert_int_equal(n_bytes, sizeof packet);
    assert_int_equal(link_packet_check(packet, n_bytes, &n_body), FOTA_OK);
    assert_int_equal(n_body, sizeof body);
    for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
        packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
        n_body = 99;
        assert_int_not_equal(link_packet_check(packet, n_bytes, &n_body), FOTA_OK);
        assert_int_equal(n_body, 99);
        packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t n = 0; n < n_bytes; n++) {
        assert_int_equal(link_packet_check(packet, n, &n_body), E_LINK_LENGTH);
    }
}

static void frames_addresses_and_checksums_are_an4286_s(void **state)
{
    (void)state;
    uint8_t frame[LINK_FRAME_BYTES], addr[5];
    link_frame_store(frame, LINK_OP_READ);
    assert_memory_equal(frame, "\x5A\x11\xEE", 3);
    link_address_store(addr, 0x08004000);
    assert_memory_equal(addr, "\x08\x00\x40\x00\x48", 5);
    assert_int_equal(link_checksum((const uint8_t *)"\x0F", 1), 0xF0);
    assert_int_equal(link_checksum((const uint8_t *)"\x03\x11\x22\x33\x44", 5), 0x47);
    uint8_t packet[LINK_PACKET_OVERHEAD_BYTES];
    size_t n_body = 1;
    assert_int_equal(link_packet_store(packet, NULL, 0), sizeof packet);
    assert_int_equal(link_packet_check(packet, sizeof packet, &n_body), FOTA_OK);
    assert_int_equal(n_body, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_survive_the_wire),
        cmocka_unit_test(info_fields_stand_where_the_spec_puts_them),
        cmocka_unit_test(wrong_lengths_and_values_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(every_flipped_bit_of_a_packet_is_noticed),
        cmocka_unit_test(frames_addresses_and_checksums_are_an4286_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
