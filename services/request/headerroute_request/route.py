"""Predicts which pods may answer: libheaderroute evaluates the same YAML as the gateway."""
from .errors import PictureError, RunError


class Expectation:
    """The route of every request of this run; all of them carry the same headers."""

    def __init__(self, decision):
        self.decision = decision
        self.pods = [e.name for e in decision.endpoints if e.name]

    def __str__(self):
        d = self.decision
        if d.destination is None:
            return f"{d.action}, no destination"
        place = f" ({d.source})" if d.source else ""
        subset = d.destination.subset or "no subset"
        pods = ", ".join(self.pods) or "pods unknown: the files have no addresses"
        return f"{d.destination.host}, {subset}{place}: {pods}"

    def check(self, via):
        """Raises PictureError if none of the pods of the route is among the hops that answered."""
        if self.pods and not set(self.pods) & set(via):
            seen = ", ".join(via) or "a server without a name in Via"
            raise PictureError(f"answered by {seen}, but the configuration routes it to {', '.join(self.pods)}")


def expect(paths, gateway, gateway_port, method, url, headers):
    """Loads `paths` and decides one request as a gateway with that view does."""
    try:
        import headerroute
    except ImportError as e:
        raise RunError(f"--config needs the Python module headerroute: {e}") from None
    try:
        table = headerroute.load(*paths)
    except headerroute.ConfigError as e:
        raise RunError(f"--config: {e}") from None
    if gateway is None:
        # The same default as the gateway's: the only Gateway loaded, else the mesh.
        names = list(table.gateways)
        gateway = names[0] if len(names) == 1 else "mesh"
    try:
        decision = table.route(method, url, headers=headers, gateway=gateway, port=gateway_port)
    except headerroute.RouteError as e:
        raise RunError(f"--config: {e}") from None
    if decision.action == "no_route" or decision.local_reply is not None:
        reply = decision.local_reply
        raise RunError(f"--config: {url} is answered {reply.status if reply else 404} by the gateway itself "
                       f"(view {gateway})")
    return Expectation(decision)
