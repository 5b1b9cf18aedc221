"""A site on this machine, with this Python behind its playground.

web_app     what is asked, and what is answered
answering   texts in processes of their own
warm        what these processes have loaded already
listening   the socket and the server
"""
