"""contact_sheet.py OUT.png COLUMNS PICTURE... - puts pictures of one size side by side; README's was made of what `make demo` paints:

    python3 tools/contact_sheet.py docs/pictures/demo.png 6 build/demo/*.png
"""
import sys

from PIL import Image

out, columns, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
pictures = [Image.open(name).convert("RGB") for name in names]
width, height = pictures[0].size
gap = 4
rows = -(-len(pictures) // columns)
sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
for i, picture in enumerate(pictures):
    sheet.paste(picture, (i % columns * (width + gap), i // columns * (height + gap)))
sheet.save(out, optimize=True)
