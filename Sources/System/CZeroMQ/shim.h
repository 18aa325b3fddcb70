#include <zmq.h>
// The reactor sleeps in epoll_wait(2) and is woken through an eventfd(2); Swift's Glibc module has neither.
#include <sys/epoll.h>
#include <sys/eventfd.h>
