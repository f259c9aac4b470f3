    integer(c_int) function c_load(instances, threads) bind(c, name="{{ r.name }}_load")
      import :: c_int
      integer(c_int), value :: instances, threads
    end function c_load
    type(c_ptr) function c_message() bind(c, name="{{ r.name }}_message")
      import :: c_ptr
    end function c_message
    subroutine c_counters(calls, {{ places }}, seconds) bind(c, name="{{ r.name }}_counters")
      import :: c_int64_t, c_double
      integer(c_int64_t), intent(out) :: calls, {{ places }}
      real(c_double), intent(out) :: seconds
    end subroutine c_counters
    subroutine {{ r.name }}_free() bind(c, name="{{ r.name }}_free")
    end subroutine {{ r.name }}_free
    pure function c_length(text) result(length) bind(c, name="strlen")
      import :: c_ptr, c_size_t
      type(c_ptr), value, intent(in) :: text
      integer(c_size_t) :: length
    end function c_length
