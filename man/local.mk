# weft.7 says what the ideas are; one page per header, the rest are links.
