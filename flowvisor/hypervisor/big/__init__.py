"""The upper storey: one virtual switch over its shares of several datapaths.

Towards its tenant it is a switch, towards its shares a controller of each, over *legs*:

    big_switch  who is there: the virtual switch, its controllers' channels, their legs
    legs        a controller comes and goes and sends, a share answers
"""
