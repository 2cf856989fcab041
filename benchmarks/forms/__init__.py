"""The same network in several forms, analysed in each: are the fields of its layers equal?"""
