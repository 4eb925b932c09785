"""What operators do: accounts, licences, devices, keys and other operators, each change one transaction with its audit row.

The command line and the web page call the same functions. None of them prints, reads a clock or decides who somebody is: a
`Desk` brings that along.
"""
