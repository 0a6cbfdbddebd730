def arguments(p):
    pass
def main(a):
    return 0
