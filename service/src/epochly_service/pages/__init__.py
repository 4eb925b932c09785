"""The web page for operators: licences, seats, devices and the audit, rendered on the server, without a line of JavaScript.

It calls the functions of `admin`, as the command line does, with a desk that is bound to the operator's account. Who has no
session sees the page to sign in and nothing else; who has one of another account gets the same "not found" as for nothing.
"""
