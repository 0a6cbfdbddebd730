#!/usr/bin/python3
"""Writes the files of a FileDescriptorSet, their symbols and services as a C table: descriptors.py SET OUT."""
import sys

from google.protobuf import descriptor_pb2


def symbols_of(scope, messages, enums):
    for enum in enums:
        yield f"{scope}.{enum.name}"
    for message in messages:
        name = f"{scope}.{message.name}"
        yield name
        yield from symbols_of(name, message.nested_type, message.enum_type)


def table(type_and_name, rows):
    yield f"const {type_and_name}[] = {{"
    yield from (f"    {row}," for row in rows)
    yield "};"
    yield f"const size_t {type_and_name.split()[-1].lstrip('*')}_count = {len(rows)};"


def main(source, out):
    files = descriptor_pb2.FileDescriptorSet()
    with open(source, "rb") as f:
        files.ParseFromString(f.read())
    lines, names, symbols, services = ['#include "descriptors.h"'], [], [], []
    for i, file in enumerate(sorted(files.file, key=lambda file: file.name)):
        data = file.SerializeToString()
        lines.append(f"static const unsigned char file_{i}[] = {{{','.join(map(str, data))}}};")
        names.append(f'{{"{file.name}", file_{i}, sizeof(file_{i})}}')
        symbols += [(name, i) for name in symbols_of(file.package, file.message_type, file.enum_type)]
        for service in file.service:
            name = f"{file.package}.{service.name}"
            services.append(name)
            symbols += [(name, i)] + [(f"{name}.{method.name}", i) for method in service.method]
    lines += table("sv_proto_file sv_proto_files", names)
    lines += table("sv_proto_symbol sv_proto_symbols", [f'{{"{name}", {i}}}' for name, i in sorted(symbols)])
    lines += table("char *const sv_proto_services", [f'"{name}"' for name in sorted(services)])
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
