#include "image/resize.h"

#include "unit/image/sample.h"

/* Digests of numpy.array(Image.resize((w, h), Image.LANCZOS)), Pillow 13. */
static const struct {
    int width, height;
    const char *digest;
} pillow[] = {
    {40, 31, "6313b2e83d77ef918aca93b5d239c3de2fa2c5524868f091fb67ce1ef23ed5dd"},
    {20, 15, "435f2b1cf1983ed7f45a0149c199d0b6e62fcb5d954c78e0dfb402fd0343b6b1"},
    {64, 64, "860b5d811015541c8e7e9fe923b790caa4984011cc24fe7ef226674ba3ae2585"},
    {7, 50, "8cb204f1a700ca8ec0523c8dcabec335cfe0387b14ec1d2ef7498fe68630928b"},
    {40, 8, "af2128a36c237625a5085b4d2fe2f6d023d09161e7fef88537e067fb4fe677e6"},
    {8, 31, "4d577b4ec9b7b11c91be2bc4d7805661e2022f50d4f890966317158a9a0094f6"},
    {1, 1, "573ce70ab49a40b7216acf683d9eb033d885080b2cc79cb768c7cb85999d91c5"},
    {133, 3, "84f022e29610777e84a2654ed277b4af546a83928abe510b64adea7430daea7b"},
};

static void resizing_gives_pillows_bytes(void **state)
{
    (void)state;
    atl_picture p = sample_picture(40, 31, 1);
    for (size_t i = 0; i < sizeof pillow / sizeof *pillow; i++) {
        atl_picture out = {0};
        assert_int_equal(atl_resize(&p, pillow[i].width, pillow[i].height, &out, NULL), ATL_OK);
        assert_int_equal(out.width, pillow[i].width);
        assert_int_equal(out.height, pillow[i].height);
        char hex[ATL_DIGEST_TEXT];
        atl_picture_digest(&out, hex);
        assert_string_equal(hex, pillow[i].digest);
        atl_picture_done(&out);
    }
    atl_picture_done(&p);
}

static void resizing_keeps_a_plain_colour(void **state)
{
    (void)state;
    atl_picture p = {0}, out = {0};
    assert_int_equal(atl_picture_init(9, 9, &p, NULL), ATL_OK);
    for (size_t i = 0; i < atl_picture_bytes(&p); i++)
        p.pixels[i] = 255;
    assert_int_equal(atl_resize(&p, 21, 4, &out, NULL), ATL_OK);
    for (size_t i = 0; i < atl_picture_bytes(&out); i++)
        assert_int_equal(out.pixels[i], 255);
    atl_picture_done(&p);
    atl_picture_done(&out);
}

static void resizing_refuses_an_impossible_size(void **state)
{
    (void)state;
    atl_picture p = sample_picture(4, 4, 1), out = {0};
    atl_note note = {0};
    assert_int_equal(atl_resize(&p, 0, 4, &out, &note), ATL_BAD_INPUT);
    assert_null(out.pixels);
    assert_string_not_equal(note.text, "");
    atl_picture_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizing_gives_pillows_bytes),
        cmocka_unit_test(resizing_keeps_a_plain_colour),
        cmocka_unit_test(resizing_refuses_an_impossible_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
