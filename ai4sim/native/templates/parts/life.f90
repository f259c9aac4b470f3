  integer(c_int64_t) function bytes_between(first, second)
    type(c_ptr), intent(in) :: first, second
    bytes_between = int(transfer(second, 0_c_intptr_t) - transfer(first, 0_c_intptr_t), c_int64_t)
  end function bytes_between

  ! Load the network, which the first call does otherwise, with one instance: so many calls can run
  ! at the same time (more wait), each on so many threads.
  subroutine {{ r.name }}_load(status, instances, threads)
    integer, intent(out) :: status
    integer, intent(in), optional :: instances, threads
    integer(c_int) :: most, each
    most = 1
    each = 1
    if (present(instances)) most = int(instances, c_int)
    if (present(threads)) each = int(threads, c_int)
    status = int(c_load(most, each))
  end subroutine {{ r.name }}_load

  ! The message of this thread's last error.
  function {{ r.name }}_message() result(text)
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: found(:)
    integer :: i
    type(c_ptr) :: address
    address = c_message()
    call c_f_pointer(address, found, [c_length(address)])
    allocate (character(len=size(found)) :: text)
    do i = 1, size(found)
      text(i:i) = found(i)
    end do
  end function {{ r.name }}_message

  ! Calls, {{ places }} and seconds since the program began, of all threads together.
  subroutine {{ r.name }}_counters(calls, {{ places }}, seconds)
    integer(c_int64_t), intent(out) :: calls, {{ places }}
    real(c_double), intent(out) :: seconds
    call c_counters(calls, {{ places }}, seconds)
  end subroutine {{ r.name }}_counters
