"""Counts the words of a list."""


def main(path):
    with open(path, encoding="utf-8") as file:
        print(len(file.read().split()), "words")
