"""The text of a network -> its nodes.

read_network  text -> Network             parse_network.py, network.lark
NodeReader    lines of a tree -> nodes    node_reader.py, tokens.py
"""
