/* Images: what imgtool signed is accepted, what we build is accepted, and everything else is refused for its
 * own reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "boot_fixture.h"

enum { PAYLOAD_BYTES = 61, IMGTOOL_BYTES = 783 };

static const struct image_spec SPEC_A = {
    .load_addr = FLASH_SLOT_A_BASE, .version = {1, 2, 3, 4}, .security_counter = 7, .hw_id = FIX_HW};

static struct image_policy policy_a(void)
{
    static struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    return (struct image_policy){.base = FLASH_SLOT_A_BASE,
                                 .slot_bytes = FIX_SLOT_BYTES,
                                 .ram_bytes = RAM_BYTES,
                                 .ccm_bytes = CCM_BYTES,
                                 .security_floor = 7,
                                 .hw_id = FIX_HW,
                                 .keys = {fixture_point(FIX_KEY_A), fixture_point(FIX_KEY_B)},
                                 .hash = &hash};
}

static enum fota_err verify_with(const struct fixture_image *image, const struct image_policy *policy)
{
    struct image_result result;
    crypto_sha256_init(policy->hash);
    enum fota_err err = image_verify_slot(image->bytes, policy, &result);
    assert_int_equal(result.verdict == CRYPTO_ACCEPT, err == FOTA_OK);
    return err;
}

static enum fota_err verify(const struct fixture_image *image)
{
    struct image_policy policy = policy_a();
    return verify_with(image, &policy);
}

/* The second opinion on what image_parse found, as if the first one had been skipped. */
static enum crypto_verdict verify_again_with(const struct fixture_image *image,
                                             const struct image_policy *policy)
{
    struct image parts;
    assert_int_equal(image_parse(image->bytes, image->n_bytes, &parts), FOTA_OK);
    return image_verify_again(image->bytes, policy, &parts);
}

static struct fixture_image made(const struct image_spec *spec, uint32_t key)
{
    struct fixture_image image;
    fixture_image(&image, spec, PAYLOAD_BYTES, key);
    return image;
}

static uint32_t read_data(const char *name, uint8_t *out, uint32_t cap)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/unit/format/data/%s", FOTA_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint32_t n_bytes = (uint32_t)fread(out, 1, cap, f);
    (void)fclose(f);
    return n_bytes;
}

static void image_signed_by_imgtool_is_accepted(void **state)
{
    (void)state;
    struct fixture_image image;
    uint8_t point[CRYPTO_POINT_BYTES];
    struct image_result result;
    memset(image.bytes, 0xFF, sizeof image.bytes);
    assert_int_equal(read_data("imgtool_a.img", image.bytes, sizeof image.bytes), IMGTOOL_BYTES);
    assert_int_equal(read_data("imgtool_key.x962", point, sizeof point), sizeof point);
    struct image_policy policy = policy_a();
    policy.keys[1] = point;
    assert_int_equal(image_verify_slot(image.bytes, &policy, &result), FOTA_OK);
    assert_int_equal(result.verdict, CRYPTO_ACCEPT);
    assert_int_equal(result.image.total_bytes, IMGTOOL_BYTES);
    assert_int_equal(result.image.version_packed, 0x01020003);
    assert_int_equal(result.image.version_build, 4);
    assert_int_equal(result.image.security_counter, 7);
}

/* Same payload, version, counter and hardware as the golden image: same bytes up to the key hash. */
static void image_we_build_has_the_bytes_of_imgtool(void **state)
{
    (void)state;
    uint8_t golden[FIX_SLOT_BYTES];
    uint8_t out[FIX_SLOT_BYTES];
    uint32_t out_bytes = sizeof out;
    uint32_t key = FIX_KEY_A;
    struct image golden_parts;
    assert_int_equal(read_data("imgtool_a.img", golden, sizeof golden), IMGTOOL_BYTES);
    assert_int_equal(image_parse(golden, IMGTOOL_BYTES, &golden_parts), FOTA_OK);
    struct image_signer signer = {fixture_sign, &key, {0}};
    assert_int_equal(image_build(&SPEC_A, golden + IMAGE_HEADER_AREA_BYTES, golden_parts.img_bytes, &signer,
                                 out, &out_bytes),
                     FOTA_OK);
    assert_memory_equal(out, golden, golden_parts.signed_bytes);
    uint32_t hash_tlv_end = golden_parts.hash_off + CRYPTO_SHA256_BYTES;
    assert_memory_equal(out + golden_parts.signed_bytes + 4, golden + golden_parts.signed_bytes + 4,
                        hash_tlv_end - golden_parts.signed_bytes - 4);
}

static void good_image_is_accepted_by_either_key(void **state)
{
    (void)state;
    struct fixture_image a = made(&SPEC_A, FIX_KEY_A);
    struct fixture_image b = made(&SPEC_A, FIX_KEY_B);
    assert_int_equal(verify(&a), FOTA_OK);
    assert_int_equal(verify(&b), FOTA_OK);
}

static void second_opinion_refuses_what_the_first_one_alone_would_have_let_pass(void **state)
{
    (void)state;
    struct image_policy policy = policy_a();
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    struct image parts;
    assert_int_equal(image_parse(image.bytes, image.n_bytes, &parts), FOTA_OK);
    assert_int_equal(verify_again_with(&image, &policy), CRYPTO_ACCEPT);

    struct image_policy other = policy;
    other.security_floor = 8;
    assert_int_equal(verify_again_with(&image, &other), CRYPTO_REJECT);
    other = policy;
    other.base = FLASH_SLOT_B_BASE;
    assert_int_equal(verify_again_with(&image, &other), CRYPTO_REJECT);
    other = policy;
    other.keys[0] = NULL;
    assert_int_equal(verify_again_with(&image, &other), CRYPTO_REJECT);

    /* A stranger's signature under our key's name; a hash that was not signed. */
    struct fixture_image forged = made(&SPEC_A, FIX_KEY_X);
    memcpy(forged.bytes + parts.keyhash_off, image.bytes + parts.keyhash_off, CRYPTO_SHA256_BYTES);
    assert_int_equal(verify_again_with(&forged, &policy), CRYPTO_REJECT);
    struct fixture_image bad = image;
    bad.bytes[parts.hash_off + 7] ^= 0x10;
    assert_int_equal(verify_again_with(&bad, &policy), CRYPTO_REJECT);
    bad = image;
    bad.bytes[parts.signature_off + parts.signature_bytes - 1] ^= 1;
    assert_int_equal(verify_again_with(&bad, &policy), CRYPTO_REJECT);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    uint32_t n_refused = 0;
    for (uint32_t bit = 0; bit < 8 * image.n_bytes; bit++) {
        image.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        n_refused += verify(&image) != FOTA_OK;
        image.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    print_message("%u of %u single-bit flips refused\n", (unsigned)n_refused, (unsigned)(8 * image.n_bytes));
    assert_int_equal(n_refused, 8 * image.n_bytes);
    assert_int_equal(verify(&image), FOTA_OK);
}

static void each_wrong_header_field_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        uint32_t off;
        uint32_t value;
        enum fota_err reason;
    } CASES[] = {
        {0, 0x96f3b83c, E_IMAGE_MAGIC},
        {0, 0xFFFFFFFF, E_IMAGE_BLANK},
        {0, 0, E_IMAGE_MAGIC},
        {4, FLASH_SLOT_B_BASE, E_IMAGE_HASH},
        {8, 0x001a0100, E_IMAGE_HEADER}, /* header area of 0x100 bytes */
        {8, 0x001b0200, E_IMAGE_TLV},    /* protected TLVs of another size */
        {8, 0x00000200, E_IMAGE_TLV},    /* none */
        {12, 0, E_IMAGE_SIZE},
        {12, 7, E_IMAGE_SIZE},
        {12, FIX_SLOT_BYTES - 0x200 + 1, E_IMAGE_SIZE},
        {12, FIX_SLOT_BYTES - 0x200, E_IMAGE_SIZE},
        {12, 0xFFFFFFFF, E_IMAGE_SIZE},
        {12, 0xFFFFFE00, E_IMAGE_SIZE},
        {12, PAYLOAD_BYTES + 1, E_IMAGE_TLV},
        {12, PAYLOAD_BYTES - 1, E_IMAGE_TLV},
        {16, 0, E_IMAGE_HEADER},
        {16, 0x120, E_IMAGE_HEADER},
        {16, 0x104, E_IMAGE_HEADER},
        {16, 0x110, E_IMAGE_HEADER},
        {20, 0x00030202, E_IMAGE_HASH},
        {24, 5, E_IMAGE_HASH},
        {28, 1, E_IMAGE_HASH},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
        bytes_store_le32(image.bytes + CASES[i].off, CASES[i].value);
        assert_int_equal(verify(&image), CASES[i].reason);
    }
}

static void image_for_the_other_slot_is_refused(void **state)
{
    (void)state;
    struct image_spec spec = SPEC_A;
    spec.load_addr = FLASH_SLOT_B_BASE;
    struct fixture_image image = made(&spec, FIX_KEY_A);
    assert_int_equal(verify(&image), E_IMAGE_SLOT);
}

static void image_for_other_hardware_is_refused(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"f407-disc", "f407-disco2", "F407-disco",
                                         "x",         "f407-discp",  "f407-disco-rev9"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        struct image_spec spec = SPEC_A;
        spec.hw_id = OTHERS[i];
        struct fixture_image image = made(&spec, FIX_KEY_A);
        assert_int_equal(verify(&image), E_IMAGE_HARDWARE);
    }
}

static void security_counter_is_compared_without_sign(void **state)
{
    (void)state;
    static const uint32_t FLOORS[] = {0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 6; k++) {
            struct image_spec spec = SPEC_A;
            struct image_policy policy = policy_a();
            spec.security_counter = FLOORS[i];
            policy.security_floor = FLOORS[k];
            struct fixture_image image = made(&spec, FIX_KEY_A);
            assert_int_equal(verify_with(&image, &policy), FLOORS[i] < FLOORS[k] ? E_IMAGE_COUNTER : FOTA_OK);
        }
    }
}

static void unknown_key_and_missing_key_are_refused(void **state)
{
    (void)state;
    struct fixture_image image = made(&SPEC_A, FIX_KEY_X);
    assert_int_equal(verify(&image), E_IMAGE_KEY);
    struct image_policy policy = policy_a();
    policy.keys[0] = NULL;
    policy.keys[1] = NULL;
    image = made(&SPEC_A, FIX_KEY_A);
    assert_int_equal(verify_with(&image, &policy), E_IMAGE_KEY);
}

static void signature_of_another_image_is_refused(void **state)
{
    (void)state;
    struct image_spec spec = SPEC_A;
    spec.version.major = 9;
    struct fixture_image other = made(&spec, FIX_KEY_A);
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    struct image parts;
    struct image other_parts;
    assert_int_equal(image_parse(image.bytes, sizeof image.bytes, &parts), FOTA_OK);
    assert_int_equal(image_parse(other.bytes, sizeof other.bytes, &other_parts), FOTA_OK);
    /* all unsigned TLVs of the other image after this one's signed bytes, but with this one's hash */
    memcpy(image.bytes + parts.signed_bytes, other.bytes + other_parts.signed_bytes,
           other_parts.total_bytes - other_parts.signed_bytes);
    memset(image.bytes + parts.signed_bytes + other_parts.total_bytes - other_parts.signed_bytes, 0xFF, 8);
    assert_int_equal(verify(&image), E_IMAGE_HASH);
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, image.bytes, parts.signed_bytes);
    crypto_sha256_final(&ctx, image.bytes + parts.hash_off);
    assert_int_equal(verify(&image), E_IMAGE_SIGNATURE);
}

static void truncated_image_is_refused_at_every_length(void **state)
{
    (void)state;
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    struct image_policy policy = policy_a();
    for (uint32_t n = 0; n < image.n_bytes; n++) {
        struct image_result result;
        enum fota_err err = image_verify(image.bytes, n, &policy, &result); /* as a file */
        assert_int_equal(err, E_IMAGE_SIZE);
        struct fixture_image cut = image; /* as flash with erased cells after it */
        memset(cut.bytes + n, 0xFF, sizeof cut.bytes - n);
        assert_int_not_equal(verify(&cut), FOTA_OK);
        if (n >= IMAGE_HEADER_AREA_BYTES && n <= IMAGE_HEADER_AREA_BYTES + PAYLOAD_BYTES) {
            assert_int_equal(verify(&cut), E_IMAGE_SIZE);
        }
    }
}

static void any_byte_after_the_image_is_refused(void **state)
{
    (void)state;
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    for (uint32_t i = image.n_bytes; i < FIX_SLOT_BYTES; i++) {
        image.bytes[i] = 0xFE;
        assert_int_equal(verify(&image), E_IMAGE_TRAILING);
        image.bytes[i] = 0xFF;
    }
    assert_int_equal(image_check_trailing(image.bytes, 10, 9), E_IMAGE_TRAILING);
}

/* Replace the unsigned TLVs of a good image by `tlvs`; *info_bytes is what the area claims to take. */
static void put_tlvs(struct fixture_image *image, const uint8_t *tlvs, uint32_t n_bytes, uint32_t info_bytes)
{
    struct image parts;
    assert_int_equal(image_parse(image->bytes, sizeof image->bytes, &parts), FOTA_OK);
    uint8_t *area = image->bytes + parts.signed_bytes;
    memset(area, 0xFF, sizeof image->bytes - parts.signed_bytes);
    bytes_store_le16(area, IMAGE_TLV_INFO_MAGIC);
    bytes_store_le16(area + 2, (uint16_t)info_bytes);
    memcpy(area + 4, tlvs, n_bytes);
}

static void tlv_area_is_read_strictly(void **state)
{
    (void)state;
    struct fixture_image good = made(&SPEC_A, FIX_KEY_A);
    struct image parts;
    assert_int_equal(image_parse(good.bytes, sizeof good.bytes, &parts), FOTA_OK);
    const uint8_t *tlv = good.bytes + parts.signed_bytes + 4;
    uint32_t n = parts.total_bytes - parts.signed_bytes - 4;
    uint32_t sig = n - 72;
    uint8_t area[512];

    struct fixture_image image = good; /* unsigned: the hash alone, then hash and key hash */
    put_tlvs(&image, tlv, 36, 40);
    assert_int_equal(verify(&image), E_IMAGE_UNSIGNED);
    image = good;
    put_tlvs(&image, tlv, 72, 76);
    assert_int_equal(verify(&image), E_IMAGE_UNSIGNED);
    image = good; /* no TLV at all */
    put_tlvs(&image, tlv, 0, 4);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    image = good; /* area shorter than its own head */
    put_tlvs(&image, tlv, n, 3);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    image = good; /* area that ends inside a TLV */
    put_tlvs(&image, tlv, n, n + 3);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    image = good; /* area that claims more than the slot holds */
    put_tlvs(&image, tlv, n, 0xFFFF);
    assert_int_equal(verify(&image), E_IMAGE_SIZE);

    memcpy(area, tlv, n); /* hash twice */
    memcpy(area + n, tlv, 36);
    image = good;
    put_tlvs(&image, area, n + 36, n + 40);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    static const uint8_t UNKNOWN[] = {0x60, 0x00, 0x01, 0x00, 0x00};
    memcpy(area + n, UNKNOWN, sizeof UNKNOWN); /* boot record, which we do not know */
    image = good;
    put_tlvs(&image, area, n + sizeof UNKNOWN, n + 4 + sizeof UNKNOWN);
    assert_int_equal(verify(&image), E_IMAGE_TLV_UNKNOWN);
    area[n + 2] = 2; /* but one that does not fit its area is damage, whatever its type */
    image = good;
    put_tlvs(&image, area, n + sizeof UNKNOWN, n + 4 + sizeof UNKNOWN);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    static const uint8_t COUNTER[] = {0x50, 0x00, 0x04, 0x00, 9, 0, 0, 0};
    memcpy(area + n, COUNTER, sizeof COUNTER); /* a security counter that nobody signed */
    image = good;
    put_tlvs(&image, area, n + sizeof COUNTER, n + 4 + sizeof COUNTER);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
    memcpy(area, tlv + 72, sig); /* imgtool has one order */
    memcpy(area + sig, tlv, 72);
    image = good;
    put_tlvs(&image, area, n, n + 4);
    assert_int_equal(verify(&image), E_IMAGE_TLV);
}

static void protected_tlvs_are_read_strictly(void **state)
{
    (void)state;
    struct fixture_image good = made(&SPEC_A, FIX_KEY_A);
    uint32_t prot = IMAGE_HEADER_AREA_BYTES + PAYLOAD_BYTES;
    static const struct {
        uint32_t off;
        uint8_t value;
        enum fota_err reason;
    } CASES[] = {
        {0, 0x07, E_IMAGE_TLV},         /* unprotected magic where the protected area should be */
        {2, 0x1B, E_IMAGE_TLV},         /* area one byte longer */
        {2, 0x02, E_IMAGE_TLV},         /* area shorter than its head */
        {4, 0x51, E_IMAGE_TLV_UNKNOWN}, /* unknown type instead of the counter */
        {4, 0xA0, E_IMAGE_TLV},         /* hardware id twice */
        {5, 0x01, E_IMAGE_TLV_UNKNOWN}, /* type 0x0150 */
        {6, 0x03, E_IMAGE_TLV},         /* counter of three bytes */
        {12, 0x10, E_IMAGE_TLV},        /* a hash among the protected TLVs */
        {12, 0xA3, E_IMAGE_TLV_UNKNOWN}, {12, 0xA1, E_IMAGE_TLV}, /* run flags of ten bytes, no hardware id */
        {12, 0xA2, E_IMAGE_TLV},                                  /* revokes of ten bytes */
        {14, 0x00, E_IMAGE_TLV},                                  /* hardware id of no bytes */
        {14, 0x10, E_IMAGE_TLV},                                  /* hardware id of 16 bytes */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture_image image = good;
        image.bytes[prot + CASES[i].off] = CASES[i].value;
        assert_int_equal(verify(&image), CASES[i].reason);
    }
}

/* Put these protected TLVs, the counter first, in the place of those of a good image, and sign again. */
static struct fixture_image with_protected(const uint8_t *tlvs, uint32_t n_bytes, uint32_t key)
{
    struct fixture_image image = made(&SPEC_A, key);
    struct image parts;
    uint8_t tail[IMAGE_TLV_MAX_BYTES];
    uint8_t *area = image.bytes + IMAGE_HEADER_AREA_BYTES + PAYLOAD_BYTES;
    assert_int_equal(image_parse(image.bytes, image.n_bytes, &parts), FOTA_OK);
    memcpy(tail, image.bytes + parts.signed_bytes, 4 + 36 + 36);
    bytes_store_le16(area + 2, (uint16_t)(12 + n_bytes));
    bytes_store_le16(image.bytes + 10, (uint16_t)(12 + n_bytes));
    memcpy(area + 12, tlvs, n_bytes);
    uint8_t *end = area + 12 + n_bytes;
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, image.bytes, (size_t)(end - image.bytes));
    crypto_sha256_final(&ctx, tail + 8);
    size_t n_der = CRYPTO_SIGNATURE_MAX_BYTES;
    memset(end, 0xFF, sizeof image.bytes - (size_t)(end - image.bytes));
    memcpy(end, tail, 4 + 36 + 36);
    assert_int_equal(fixture_sign(&key, tail + 8, end + 80, &n_der), FOTA_OK);
    bytes_store_le16(end + 76, IMAGE_TLV_ECDSA_SIG);
    bytes_store_le16(end + 78, (uint16_t)n_der);
    bytes_store_le16(end + 2, (uint16_t)(80 + n_der));
    image.n_bytes = (uint32_t)(end - image.bytes) + 80 + (uint32_t)n_der;
    return image;
}

enum { HW_TLV_BYTES = 14, FLAGS_TLV_BYTES = 5, REVOKES_TLV_BYTES = 36 };

static const uint8_t HW_TLV[HW_TLV_BYTES] = {0xA0, 0,   10,  0,   'f', '4', '0',
                                             '7',  '-', 'd', 'i', 's', 'c', 'o'};

static void vendor_tlvs_may_stand_in_any_order_each_once(void **state)
{
    (void)state;
    uint8_t tlv[3][REVOKES_TLV_BYTES];
    static const uint32_t BYTES[3] = {HW_TLV_BYTES, FLAGS_TLV_BYTES, REVOKES_TLV_BYTES};
    memcpy(tlv[0], HW_TLV, sizeof HW_TLV);
    memcpy(tlv[1], ((const uint8_t[]){0xA1, 0, 1, 0, IMAGE_RUN_WATCHDOG}), FLAGS_TLV_BYTES);
    memcpy(tlv[2], ((const uint8_t[]){0xA2, 0, 32, 0}), 4);
    image_keyhash(fixture_point(FIX_KEY_A), tlv[2] + 4);
    for (uint32_t order = 0; order < 4 * 4 * 4; order++) {
        const uint32_t which[3] = {order % 4, order / 4 % 4, order / 16}; /* 3: nothing */
        uint8_t area[3 * REVOKES_TLV_BYTES];
        uint32_t n_bytes = 0;
        uint32_t n_of[4] = {0};
        for (uint32_t i = 0; i < 3; i++) {
            n_of[which[i]]++;
            if (which[i] < 3) {
                memcpy(area + n_bytes, tlv[which[i]], BYTES[which[i]]);
                n_bytes += BYTES[which[i]];
            }
        }
        struct fixture_image image = with_protected(area, n_bytes, FIX_KEY_B);
        bool is_right = n_of[0] == 1 && n_of[1] <= 1 && n_of[2] <= 1;
        assert_int_equal(verify(&image), is_right ? FOTA_OK : E_IMAGE_TLV);
        if (is_right) {
            struct image parts;
            assert_int_equal(image_parse(image.bytes, image.n_bytes, &parts), FOTA_OK);
            assert_int_equal(parts.run_flags, n_of[1]);
            assert_int_equal(parts.revokes_off != 0, n_of[2]);
        }
    }
}

static void run_flags_that_are_not_known_are_refused(void **state)
{
    (void)state;
    uint8_t area[HW_TLV_BYTES + FLAGS_TLV_BYTES];
    memcpy(area, HW_TLV, sizeof HW_TLV);
    memcpy(area + sizeof HW_TLV, ((const uint8_t[]){0xA1, 0, 1, 0, 0}), FLAGS_TLV_BYTES);
    for (uint32_t flags = 0; flags < 256; flags++) {
        area[sizeof area - 1] = (uint8_t)flags;
        struct fixture_image image = with_protected(area, sizeof area, FIX_KEY_A);
        assert_int_equal(verify(&image), flags <= IMAGE_RUN_WATCHDOG ? FOTA_OK : E_IMAGE_TLV);
    }
}

static void built_image_says_what_its_spec_says(void **state)
{
    (void)state;
    uint8_t keyhash[CRYPTO_SHA256_BYTES];
    image_keyhash(fixture_point(FIX_KEY_A), keyhash);
    for (uint32_t i = 0; i < 4; i++) {
        struct image_spec spec = SPEC_A;
        struct image_result result;
        struct image_policy policy = policy_a();
        spec.run_flags = i % 2 == 0 ? 0 : IMAGE_RUN_WATCHDOG;
        spec.revokes = i < 2 ? NULL : keyhash;
        struct fixture_image image = made(&spec, FIX_KEY_B);
        assert_int_equal(image_verify_slot(image.bytes, &policy, &result), FOTA_OK);
        assert_int_equal(result.image.run_flags, spec.run_flags);
        assert_int_equal(result.image.revokes_off == 0, !spec.revokes);
        assert_int_equal(result.key_index, IMAGE_KEY_NEXT);
    }
}

static void image_that_revokes_is_honoured_of_the_next_key_only_and_names_the_active_one(void **state)
{
    (void)state;
    for (uint32_t key = FIX_KEY_A; key <= FIX_KEY_B; key++) {
        for (uint32_t ended = 0; ended < FIX_KEYS; ended++) {
            uint8_t keyhash[CRYPTO_SHA256_BYTES];
            struct image_spec spec = SPEC_A;
            struct image_policy policy = policy_a();
            image_keyhash(fixture_point(ended), keyhash);
            spec.revokes = keyhash;
            struct fixture_image image = made(&spec, key);
            bool is_right = key == FIX_KEY_B && ended == FIX_KEY_A;
            assert_int_equal(verify_with(&image, &policy), is_right ? FOTA_OK : E_IMAGE_REVOKES);
            policy.revoked_key = policy.keys[0]; /* ended before: by this image, or another */
            policy.keys[0] = NULL;
            assert_int_equal(verify_with(&image, &policy), key == FIX_KEY_A ? E_IMAGE_REVOKED
                                                           : is_right       ? FOTA_OK
                                                                            : E_IMAGE_REVOKES);
            policy.revoked_key = NULL; /* a board that never had an active key */
            assert_int_equal(verify_with(&image, &policy), key == FIX_KEY_A ? E_IMAGE_KEY : E_IMAGE_REVOKES);
        }
    }
}

static void image_of_an_ended_key_is_told_from_one_of_a_stranger(void **state)
{
    (void)state;
    struct image_policy policy = policy_a();
    struct fixture_image ours = made(&SPEC_A, FIX_KEY_A);
    struct fixture_image strange = made(&SPEC_A, FIX_KEY_X);
    policy.revoked_key = policy.keys[0];
    policy.keys[0] = NULL;
    assert_int_equal(verify_with(&ours, &policy), E_IMAGE_REVOKED);
    assert_int_equal(verify_again_with(&ours, &policy), CRYPTO_REJECT);
    assert_int_equal(verify_with(&strange, &policy), E_IMAGE_KEY);
    struct fixture_image next = made(&SPEC_A, FIX_KEY_B);
    assert_int_equal(verify_with(&next, &policy), FOTA_OK);
}

static void image_hash_is_of_what_is_signed_and_of_nothing_else(void **state)
{
    (void)state;
    struct image_policy policy = policy_a();
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    struct image_result result;
    assert_int_equal(image_verify_slot(image.bytes, &policy, &result), FOTA_OK);
    assert_memory_equal(result.image_hash, image.bytes + result.image.hash_off, CRYPTO_SHA256_BYTES);
    struct fixture_image again = made(&SPEC_A, FIX_KEY_B); /* another signature, another file */
    struct image_result other;
    crypto_sha256_init(policy.hash);
    assert_int_equal(image_verify_slot(again.bytes, &policy, &other), FOTA_OK);
    assert_memory_equal(other.image_hash, result.image_hash, CRYPTO_SHA256_BYTES);
    assert_memory_not_equal(other.file_sha256, result.file_sha256, CRYPTO_SHA256_BYTES);
}

/* A hash that a caller took along is only of use up to the end of what is signed. */
static void hash_that_reaches_beyond_what_is_signed_begins_anew(void **state)
{
    (void)state;
    struct image_policy policy = policy_a();
    struct fixture_image image = made(&SPEC_A, FIX_KEY_A);
    struct image parts;
    struct image_result result;
    assert_int_equal(image_parse(image.bytes, image.n_bytes, &parts), FOTA_OK);
    for (uint32_t n = parts.signed_bytes - 2; n <= image.n_bytes; n++) {
        crypto_sha256_init(policy.hash);
        crypto_sha256_update(policy.hash, image.bytes, n);
        assert_int_equal(image_verify_slot(image.bytes, &policy, &result), FOTA_OK);
        crypto_sha256_init(policy.hash);
        crypto_sha256_update(policy.hash, image.bytes + 1, n); /* bytes of something else */
        assert_int_equal(image_verify_slot(image.bytes, &policy, &result),
                         n > parts.signed_bytes ? FOTA_OK : E_IMAGE_HASH);
    }
}

static void vector_table_must_make_sense(void **state)
{
    (void)state;
    static const struct {
        uint32_t stack;
        uint32_t entry;
        enum fota_err reason;
    } CASES[] = {
        {0x20020000, FLASH_SLOT_A_BASE + 0x209, FOTA_OK},
        {0x10010000, FLASH_SLOT_A_BASE + 0x209, FOTA_OK},
        {0x20000008, FLASH_SLOT_A_BASE + 0x201, FOTA_OK},
        {0x20000000, FLASH_SLOT_A_BASE + 0x209, E_IMAGE_VECTORS}, /* empty stack */
        {0x20020008, FLASH_SLOT_A_BASE + 0x209, E_IMAGE_VECTORS}, /* after the RAM */
        {0x2001FFFC, FLASH_SLOT_A_BASE + 0x209, E_IMAGE_VECTORS}, /* not 8-aligned */
        {0xFFFFFFF8, FLASH_SLOT_A_BASE + 0x209, E_IMAGE_VECTORS},
        {0x20020000, FLASH_SLOT_A_BASE + 0x208, E_IMAGE_VECTORS}, /* not Thumb */
        {0x20020000, FLASH_SLOT_A_BASE + 0x1FF, E_IMAGE_VECTORS}, /* in the header */
        {0x20020000, FLASH_SLOT_A_BASE + 0x200 + PAYLOAD_BYTES + 2, E_IMAGE_VECTORS},
        {0x20020000, FLASH_SLOT_B_BASE + 0x209, E_IMAGE_VECTORS},
        {0x20020000, 0x08000009, E_IMAGE_VECTORS}, /* bootloader */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t payload[PAYLOAD_BYTES] = {0};
        uint32_t key = FIX_KEY_A;
        struct fixture_image image;
        uint32_t n_bytes = sizeof image.bytes;
        struct image_signer signer = {fixture_sign, &key, {0}};
        memcpy(signer.point, fixture_point(key), sizeof signer.point);
        bytes_store_le32(payload, CASES[i].stack);
        bytes_store_le32(payload + 4, CASES[i].entry);
        memset(image.bytes, 0xFF, sizeof image.bytes);
        assert_int_equal(image_build(&SPEC_A, payload, sizeof payload, &signer, image.bytes, &n_bytes),
                         FOTA_OK);
        assert_int_equal(verify(&image), CASES[i].reason);
    }
}

static void build_refuses_what_verify_would_refuse(void **state)
{
    (void)state;
    uint8_t payload[PAYLOAD_BYTES] = {0};
    uint8_t out[FIX_SLOT_BYTES];
    uint32_t key = FIX_KEY_A;
    struct image_signer signer = {fixture_sign, &key, {0}};
    static const char *const BAD_IDS[] = {"", "sixteen-chars-xx", "with space", "tab\t"};
    for (size_t i = 0; i < 4; i++) {
        struct image_spec spec = SPEC_A;
        uint32_t n_bytes = sizeof out;
        spec.hw_id = BAD_IDS[i];
        assert_int_equal(image_build(&spec, payload, sizeof payload, &signer, out, &n_bytes), E_ARG);
        assert_int_equal(n_bytes, sizeof out);
    }
    struct image_spec flagged = SPEC_A;
    uint32_t n_bytes = sizeof out;
    flagged.run_flags = 2;
    assert_int_equal(image_build(&flagged, payload, sizeof payload, &signer, out, &n_bytes), E_ARG);
    n_bytes = sizeof payload + IMAGE_OVERHEAD_MAX_BYTES - 1;
    assert_int_equal(image_build(&SPEC_A, payload, sizeof payload, &signer, out, &n_bytes), E_NO_SPACE);
    n_bytes = sizeof out;
    assert_int_equal(image_build(&SPEC_A, payload, 7, &signer, out, &n_bytes), E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_signed_by_imgtool_is_accepted),
        cmocka_unit_test(image_we_build_has_the_bytes_of_imgtool),
        cmocka_unit_test(good_image_is_accepted_by_either_key),
        cmocka_unit_test(second_opinion_refuses_what_the_first_one_alone_would_have_let_pass),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(each_wrong_header_field_has_its_reason),
        cmocka_unit_test(image_for_the_other_slot_is_refused),
        cmocka_unit_test(image_for_other_hardware_is_refused),
        cmocka_unit_test(security_counter_is_compared_without_sign),
        cmocka_unit_test(unknown_key_and_missing_key_are_refused),
        cmocka_unit_test(signature_of_another_image_is_refused),
        cmocka_unit_test(truncated_image_is_refused_at_every_length),
        cmocka_unit_test(any_byte_after_the_image_is_refused),
        cmocka_unit_test(tlv_area_is_read_strictly),
        cmocka_unit_test(protected_tlvs_are_read_strictly),
        cmocka_unit_test(vendor_tlvs_may_stand_in_any_order_each_once),
        cmocka_unit_test(run_flags_that_are_not_known_are_refused),
        cmocka_unit_test(built_image_says_what_its_spec_says),
        cmocka_unit_test(image_that_revokes_is_honoured_of_the_next_key_only_and_names_the_active_one),
        cmocka_unit_test(image_of_an_ended_key_is_told_from_one_of_a_stranger),
        cmocka_unit_test(image_hash_is_of_what_is_signed_and_of_nothing_else),
        cmocka_unit_test(hash_that_reaches_beyond_what_is_signed_begins_anew),
        cmocka_unit_test(vector_table_must_make_sense),
        cmocka_unit_test(build_refuses_what_verify_would_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
