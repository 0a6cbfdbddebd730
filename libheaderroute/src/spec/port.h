/* Ports as resources declare them: with a protocol (Service, ServiceEntry, EndpointSlice) or by
 * name alone. */
#ifndef HR_PORT_H
#define HR_PORT_H

#include "pos.h"

typedef struct hr_spec_port { /* Service's and ServiceEntry's ports */
    uint32_t number;
    hr_str name, protocol, app_protocol; /* absent where unset */
    uint32_t target_port;                /* 0: unset */
    hr_str target_port_name;             /* absent: number */
    hr_pos pos;
} hr_spec_port;

typedef struct hr_spec_named_port { /* map<string, uint32> ports of a WorkloadEntry; containers'
                                       ports */
    hr_str name;
    uint32_t number;
} hr_spec_named_port;

typedef struct hr_spec_ports {
    const hr_spec_port *v;
    size_t n;
} hr_spec_ports;

#endif
