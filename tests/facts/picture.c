/* picture.c - PNG files as RGB bytes, by libpng's simplified reader: eight bits, no alpha, whatever the file
 * holds. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

enum { MAX_SIDE_PX = 16384 };

int facts_picture_open(const char *path, struct facts_picture *ret_picture, FILE *say)
{
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(&image, path)) {
        fprintf(say, "%s: %s\n", path, image.message);
        return -1;
    }
    uint8_t *rgb = NULL;
    if (image.width < 16 || image.height < 16 || image.width > MAX_SIDE_PX || image.height > MAX_SIDE_PX) {
        fprintf(say, "%s: %u x %u pixels, wanted 16 to %d a side\n", path, image.width, image.height,
                MAX_SIDE_PX);
        goto fail;
    }
    image.format = PNG_FORMAT_RGB;
    rgb = malloc((size_t)image.width * image.height * 3);
    if (!rgb) {
        fprintf(say, "%s: no memory\n", path);
        goto fail;
    }
    if (!png_image_finish_read(&image, NULL, rgb, 0, NULL)) {
        fprintf(say, "%s: %s\n", path, image.message);
        goto fail;
    }
    *ret_picture = (struct facts_picture){.width = (int)image.width, .height = (int)image.height, .rgb = rgb};
    return 0;
fail:
    free(rgb);
    png_image_free(&image);
    return -1;
}

void facts_picture_close(struct facts_picture *picture)
{
    if (!picture)
        return;
    free(picture->rgb);
    picture->rgb = NULL;
}
