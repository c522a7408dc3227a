"""Field Service: jobs become work orders, visits become bookings, hours become time entries."""
