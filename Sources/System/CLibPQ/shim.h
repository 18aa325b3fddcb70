#include <libpq-fe.h>
// What waits for libpq's sockets; Swift's Glibc module does not carry these two headers.
#include <sys/epoll.h>
#include <sys/eventfd.h>
