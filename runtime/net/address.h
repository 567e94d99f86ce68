/* address.h: which addresses a URL from outside may lead to.
 *
 * Whoever posts a link chooses the host, and the host's owner chooses where its name points. A downloader that
 * connects wherever a name leads can be sent to the node's own loopback, its neighbours or a cloud's metadata service
 * (server-side request forgery). Only addresses of the public internet pass; what hides inside an IPv6 address
 * (IPv4-mapped, NAT64) is judged by what it hides. Pure; any thread. */
#ifndef REELYARD_RUNTIME_NET_ADDRESS_H
#define REELYARD_RUNTIME_NET_ADDRESS_H

#include <sys/socket.h>

/* NULL if the address is a public one; else what it is instead ("loopback", "private", ...), for people. Static.
 * Families other than IPv4 and IPv6 are never public. length: bytes at address.
 * Sources: the IANA special-purpose address registries (RFC 6890 and its updates), RFC 6052 (NAT64), RFC 4380 (Teredo),
 * RFC 3056 (6to4), RFC 5214 (ISATAP). */
const char *ry_address_refusal(const struct sockaddr *address, socklen_t length);

#endif
