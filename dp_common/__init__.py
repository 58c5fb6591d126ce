"""Vocabulary and machinery shared by all strategies; the rooms and their order are held by tests/test_house.py."""
