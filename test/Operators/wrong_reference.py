"""The random graphs with a reference that is wrong by one in a thousand in one operator, to see that they notice.

    python wrong_reference.py OPERATOR [arguments of random_graphs.py]
"""
import sys

import interpreter
import random_graphs

right = interpreter.FUNCTIONS[sys.argv[1]]
interpreter.FUNCTIONS[sys.argv.pop(1)] = lambda *inputs, **attributes: right(*inputs, **attributes) * 1.001
random_graphs.main()
