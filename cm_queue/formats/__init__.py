"""How Django itself writes dates, by language (FORMAT_MODULE_PATH).

Pages and mails say dates in words, with `journal/moments.py`. What is left to Django, the columns of the admin
panel, is written so that no ordinal can be missing: French has "1er janvier" and not "1 janvier", which a format
cannot know.
"""
