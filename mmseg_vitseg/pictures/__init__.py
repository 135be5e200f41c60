"""Reading and drawing pictures, and naming what is written for them."""
