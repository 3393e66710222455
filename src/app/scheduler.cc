#include "app/scheduler.h"

namespace keywright::app {
namespace {
thread_local Scheduler* current_scheduler = nullptr;
}  // namespace

Scheduler* Scheduler::current() { return current_scheduler; }

void Scheduler::set_current(Scheduler* scheduler) { current_scheduler = scheduler; }

}  // namespace keywright::app
